"""WeCom (企业微信): tokens, contact ways, external contacts, transfers on the job and after leaving, encrypted callbacks."""
