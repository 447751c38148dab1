"""WeChat Pay API v3 as a direct merchant: keys, client, the vendor's messages, their translation, and callbacks."""
