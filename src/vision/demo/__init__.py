"""A rendered street clip for trying the library without any file: nothing in it is real, all is drawn by code."""
