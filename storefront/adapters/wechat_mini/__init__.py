"""The mini-program platform's server interface (api.weixin.qq.com): log-in, phone numbers, codes, links, messages, trade orders."""
