"""HTTP: reading on TCP, changing on a Unix socket. There are no accounts yet."""
