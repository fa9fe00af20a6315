"""How a circuit is run: gates packed into few matrices before anything is traced."""
