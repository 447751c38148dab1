"""What adapters count: calls to vendors by outcome, and WeChat Pay's signature probes, which are refused without a line in the log."""

from prometheus_client import Counter

from storefront.observability import REGISTRY

CALLS = Counter("storefront_vendor_calls", "Calls to vendors.", ["vendor", "outcome"], registry=REGISTRY)
PROBES = Counter(
    "storefront_signature_probes", "Messages signed wrongly on purpose.", ["in"], registry=REGISTRY
)
