"""WeCom (企业微信): how shoppers reach guides, move between them, and what WeCom tells of it."""
