"""What is asked and looked at before the first job."""
