"""Files on disk: whole or absent, sure of whose they are, and of one stated layout."""
