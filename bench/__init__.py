"""`make bench`: what SendDock and its alternatives do in the same run on the same machine. Never part of the test suite."""
