"""Guide §6: objects in other accounts, by the role map or by IAMRoleSelectors."""
