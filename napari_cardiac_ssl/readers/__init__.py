"""Files in: the only place, with `writers`, that knows file formats."""
