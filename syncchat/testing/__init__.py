"""What others need to test logs, links and replicas of their own against ours."""
