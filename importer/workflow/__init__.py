"""What the commands share: targets, guards, preparation, reports, and outcomes."""
