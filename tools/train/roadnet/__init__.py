"""Training of roadnet: data, made scenes, network, recipe, scores, export."""
