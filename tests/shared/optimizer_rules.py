"""Optimizers of torch with their switches, by name: each a function of the parameters."""

from torch import optim, tensor

RULES = {
    "sgd": lambda p: optim.SGD(p, 0.1),
    "sgd-momentum": lambda p: optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.01, foreach=True),
    "sgd-dampening": lambda p: optim.SGD(p, 0.1, momentum=0.9, dampening=0.3, maximize=True, foreach=False),
    "sgd-nesterov-fused": lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True, fused=True),
    "adam": lambda p: optim.Adam(p, 0.01, weight_decay=0.1, foreach=False),
    "adam-amsgrad": lambda p: optim.Adam(p, 0.01, (0.1, 0.5), amsgrad=True, maximize=True, foreach=True),
    "adamw": lambda p: optim.AdamW(p, 0.01),
    "adamw-fused": lambda p: optim.AdamW(p, 0.01, weight_decay=0.1, amsgrad=True, fused=True),
    "adamw-tensor": lambda p: optim.AdamW(p, tensor(0.01), weight_decay=0.1),
    "nadam": lambda p: optim.NAdam(p, 0.01, foreach=False),
    "nadam-decoupled": lambda p: optim.NAdam(p, 0.01, weight_decay=0.1, decoupled_weight_decay=True, foreach=True),
    "radam": lambda p: optim.RAdam(p, 0.01, weight_decay=0.1, foreach=False),
    "radam-decoupled": lambda p: optim.RAdam(p, 0.01, (0.5, 0.9), weight_decay=0.1, decoupled_weight_decay=True, foreach=True),
    "adamax": lambda p: optim.Adamax(p, 0.01, weight_decay=0.1),
    "adamax-foreach": lambda p: optim.Adamax(p, 0.01, maximize=True, foreach=True),
    "rmsprop": lambda p: optim.RMSprop(p, 0.01, weight_decay=0.1),
    "rmsprop-centered": lambda p: optim.RMSprop(p, 0.01, alpha=0.9, eps=1e-3, momentum=0.9, centered=True, foreach=True),
    "adagrad": lambda p: optim.Adagrad(p, 0.01, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.1),
    "adagrad-fused": lambda p: optim.Adagrad(p, 0.01, lr_decay=0.1, fused=True),
    "adadelta": lambda p: optim.Adadelta(p, 1.0, weight_decay=0.1, maximize=True),
    "adadelta-foreach": lambda p: optim.Adadelta(p, 1.0, rho=0.5, foreach=True),
    "asgd": lambda p: optim.ASGD(p, 0.1, lambd=0.01, alpha=0.6, t0=1.0, weight_decay=0.1, foreach=False),
    "asgd-foreach": lambda p: optim.ASGD(p, 0.1, lambd=0.01, maximize=True, foreach=True),
    "rprop": lambda p: optim.Rprop(p, 0.1, etas=(0.4, 1.3), foreach=False),
    "rprop-foreach": lambda p: optim.Rprop(p, 0.1, step_sizes=(0.05, 0.2), maximize=True, foreach=True),
    "adafactor": lambda p: optim.Adafactor(p, 0.1, weight_decay=0.1, foreach=False),
    "adafactor-foreach": lambda p: optim.Adafactor(p, 0.01, beta2_decay=-0.5, eps=(1e-4, 1e-2), d=1.3, foreach=True),
}
