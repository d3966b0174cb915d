# What all hosts have.
{
  # Whose machines they are: their node runs as this person.
  services.simulacra.user = "me";
  users.users.me = {
    isNormalUser = true;
    extraGroups = [ "wheel" ];
    # What you deploy with, and log in with.
    openssh.authorizedKeys.keys = [ "ssh-ed25519 AAAA... me@laptop" ];
  };

  # A deploy becomes root by sudo, and has nobody to ask for a password.
  security.sudo.wheelNeedsPassword = false;
  services.openssh.settings.PasswordAuthentication = false;

  # The version that the hosts were installed with; it stays as it is.
  system.stateVersion = "26.05";
}
