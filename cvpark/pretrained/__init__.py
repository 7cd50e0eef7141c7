"""Shipped model files with their cards."""
