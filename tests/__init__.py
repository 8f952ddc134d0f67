"""Tests; a package so that its folders can share projects.py and stores.py."""
