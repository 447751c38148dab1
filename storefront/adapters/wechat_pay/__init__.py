"""WeChat Pay API v3, for a merchant or for a service provider: keys, transport, a module a resource, the vendor's messages, callbacks."""
