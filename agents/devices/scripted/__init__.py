"""A scripted device: a process that plays a device with customers, and says what it truly did."""
