# A network's text, ADDRESS/PREFIX, in the form that older programs have it.
let
  parts = network: builtins.match "(.*)/([0-9]+)" network;

  # The octet with its first `set` bits set: 3 is 224.
  octet = set: builtins.elemAt [ 0 128 192 224 240 248 252 254 255 ] set;
  between = low: high: number: if number < low then low else if number > high then high else number;
in
{
  address = network: builtins.elemAt (parts network) 0;

  # 10.44.0.0/16 has 255.255.0.0.
  netmask =
    network:
    let
      length = builtins.fromJSON (builtins.elemAt (parts network) 1);
    in
    builtins.concatStringsSep "." (
      map (place: toString (octet (between 0 8 (length - 8 * place)))) [ 0 1 2 3 ]
    );
}
