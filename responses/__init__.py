"""What do we answer? The curated knowledge base: facts, wordings, and which wording fits whom."""
