"""Errors of durable storage, leaves of the tree in `sitescope_fo.model.errors`.

ConfigInvalid
└── StateUnreadable   exit 3   state.sqlite is damaged or written by a newer release
SiteScopeError
└── StoreWriteFailed  exit 70  a durable write did not succeed (disk full, I/O error, file replaced)
"""

from __future__ import annotations

from sitescope_fo.model.errors import ConfigInvalid, SiteScopeError


class StateUnreadable(ConfigInvalid):
    """The state file holds something else than this release can read."""

    default_code = "state_unreadable"


class StoreWriteFailed(SiteScopeError):
    """A write did not reach the disk for certain: afterwards the old or the new content is there, never a mix."""

    default_code = "store_write_failed"
