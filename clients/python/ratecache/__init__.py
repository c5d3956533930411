"""The client of ratecache: `docs/clients.md` describes it."""

from .blocking import BlockingChanges, BlockingClient, connect_blocking
from .changes import Change, Changes, Invalidation, Update
from .client import Client, ClientState, NearCacheState, SubscriptionHandle, Written, connect
from .errors import RatecacheError
from .options import MaxStaleness, NearCacheOptions
from .result import Result

__all__ = [
    "BlockingChanges",
    "BlockingClient",
    "Change",
    "Changes",
    "Client",
    "ClientState",
    "Invalidation",
    "MaxStaleness",
    "NearCacheOptions",
    "NearCacheState",
    "RatecacheError",
    "Result",
    "SubscriptionHandle",
    "Update",
    "Written",
    "connect",
    "connect_blocking",
]
