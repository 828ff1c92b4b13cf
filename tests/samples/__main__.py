"""``python -m tests.samples`` rewrites every sample file, byte for byte the same."""

from collections.abc import Callable
from pathlib import Path

from tests.samples import (
    business_central,
    generic_long,
    generic_wide,
    magento,
    magento_composite,
    netsuite,
    netsuite_template,
    odoo,
    quickbooks_desktop,
    quickbooks_iif,
    quickbooks_online,
    sage_50,
    sage_100,
    sap_business_one,
    shopify,
    wizcommerce_template,
    xero,
)
from tests.samples.dirt import Sample

SAMPLE_DATA = Path(__file__).parent.parent.parent / "sample_data"
MAKERS: dict[str, Callable[[], Sample]] = {
    "business-central": business_central.make,
    "generic-long": generic_long.make,
    "generic-wide": generic_wide.make,
    "magento": magento.make,
    "magento-composite": magento_composite.make,
    "netsuite": netsuite.make,
    "netsuite-template": netsuite_template.make,
    "odoo": odoo.make,
    "quickbooks-desktop": quickbooks_desktop.make,
    "quickbooks-iif": quickbooks_iif.make,
    "quickbooks-online": quickbooks_online.make,
    "sage-100": sage_100.make,
    "sage-50": sage_50.make,
    "sap-business-one": sap_business_one.make,
    "shopify": shopify.make,
    "wizcommerce-template": wizcommerce_template.make,
    "xero": xero.make,
}


def main() -> None:
    """Write the files of every system into its folder in ``sample_data``."""
    for make in MAKERS.values():
        sample = make()
        folder = SAMPLE_DATA / sample.system
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in sample.files.items():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
