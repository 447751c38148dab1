"""The mini-program platform's server interface (api.weixin.qq.com): for now, logging in."""
