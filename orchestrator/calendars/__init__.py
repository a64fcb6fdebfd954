"""Bookings and opening hours from elsewhere, and bookings for elsewhere."""
