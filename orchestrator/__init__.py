"""One process in the library: plans turns, checks devices, counts use."""
