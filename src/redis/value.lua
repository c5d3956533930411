-- KEYS: one key with its prefix. Returns its value and its PTTL. It does not write.
return { redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]) }
