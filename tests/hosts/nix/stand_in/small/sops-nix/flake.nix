{
  outputs = _: {
    nixosModules.sops = { };
  };
}
