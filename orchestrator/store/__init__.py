"""The only SQL. One writer; everything that arrived commits together."""
