# The NixOS resource and the module that hosts have for it, by their names.
{
  outputs = _: {
    modules.nixos.apply = { };
    modules.nixops4Component.nixos = { };
  };
}
