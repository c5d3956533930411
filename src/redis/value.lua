-- KEYS: one key, prefixed. Returns its value, and its remaining time to live as PTTL returns it. It writes nothing.
return { redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]) }
