"""``python -m tests.samples`` writes every sample file again, byte for byte the same."""

from pathlib import Path

from tests.samples import netsuite, sap_business_one, xero

SAMPLE_DATA = Path(__file__).parent.parent.parent / "sample_data"


def main() -> None:
    """Write the files of every system into its folder of ``sample_data``."""
    for make in (xero.make, netsuite.make, sap_business_one.make):
        sample = make()
        folder = SAMPLE_DATA / sample.system
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in sample.files.items():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
