"""The literal list of this audience's route handlers; a module that is not listed here serves nothing."""

from typing import Final

from litestar.types import ControllerRouterHandler

from storefront.callbacks import pushes, wechat_pay

ROUTES: Final[list[ControllerRouterHandler]] = [*wechat_pay.ROUTES, *pushes.ROUTES]
