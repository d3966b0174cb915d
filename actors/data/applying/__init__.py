"""Changing a tree on the disk, so that no edit is lost and no file is ever half there."""
