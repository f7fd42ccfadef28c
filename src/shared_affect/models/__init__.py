"""Language models and their sparse autoencoders on disk and in memory."""
