"""Bridges to other libraries, one file each; nothing in opad imports them."""
