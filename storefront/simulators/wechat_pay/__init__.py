"""WeChat Pay API v3, direct merchant mode: the gateway, its books, its envelope and its callbacks."""
