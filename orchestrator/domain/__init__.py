"""The rules. Pure: they take `now` and data, and return data."""
