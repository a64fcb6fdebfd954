"""The names of what an orchestrator keeps in its `state_dir`."""

from __future__ import annotations

DATABASE = "laitevuoro.db"
#: Where bookings are changed.
ADMIN_SOCKET = "admin.sock"
#: Tells where to read over HTTP, while it runs.
HTTP_URL = "http.url"
#: When the last backup was made (last_backup.py).
LAST_BACKUP = "last-backup.json"
