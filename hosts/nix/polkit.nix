# A rule of polkit's: the node may suspend the machine and switch it off, though nobody sits at it.
# Only its user, only these, and not against whoever has asked the machine to stay awake.
{
  user,
}:
let
  allowed = map (each: "org.freedesktop.login1.${each}") [
    "suspend"
    "suspend-multiple-sessions"
    "power-off"
    "power-off-multiple-sessions"
  ];
in
''
  polkit.addRule(function(action, subject) {
    if (subject.user == ${builtins.toJSON user} && ${builtins.toJSON allowed}.indexOf(action.id) >= 0) {
      return polkit.Result.YES;
    }
  });
''
