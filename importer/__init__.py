"""Import customers from ERP exports into WizCommerce."""

__version__ = "0.1.0"
