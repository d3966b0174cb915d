"""Repositories in a tree: their history goes by git, never as files."""
