"""What a server does when somebody forges, erases, floods or stops reading: ours beside others."""
