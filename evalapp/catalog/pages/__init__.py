"""Pictures for visitors; catalogues and triplets for operators."""
