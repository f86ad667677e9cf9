# Run by install.rs inside a mount namespace: $1 is a scratch directory, $2 where the programs are.
scratch=$1 bin=$2
export PATH=$PATH:/usr/sbin:/sbin

# Copies of what an installation changes. Nothing of this is seen outside.
mkdir "$scratch"/{etc,programs}
cp -a /etc/. "$scratch/etc"
cp "$bin"/{qpcd,qpc} "$scratch/programs"
chmod 755 "$scratch" "$scratch/programs"
mount --bind "$scratch/etc" /etc
for dir in /usr/local /usr/share /var/lib /run; do mount -t tmpfs tmpfs "$dir"; done
mkdir -p /usr/local/{bin,share} /run/lock

list() {
    find /etc /usr/local /usr/share /var/lib /run -path /run/test -prune -o -type f -exec sha256sum {} + |
        grep -vE ' /etc/(passwd|group|shadow|gshadow|subuid|subgid)-$' | sort -k2
    find /etc /usr/local /usr/share /var/lib /run -path /run/test -prune -o -type d -print | sort
}
mkdir /run/test
# The tools that keep accounts sort and back up their files: once before, so that it is no difference.
pwck -s && grpck -s
list >/run/test/before

"$scratch/programs/qpcd" install
getent passwd quicprochat >/dev/null
test "$(stat -c %G:%a /etc/quicprochat/qpcd.toml)" = quicprochat:640

# A system bus with the policy that was installed, and the service as its unit would start it.
mkdir /run/test/bus
chmod 755 /run/test /run/test/bus
cat >/run/test/bus.conf <<'CONF'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/test/bus/socket</listen>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <includedir>/etc/dbus-1/system.d</includedir>
</busconfig>
CONF
dbus-daemon --config-file=/run/test/bus.conf --nofork --nopidfile --nosyslog >/run/test/bus.log 2>&1 &
bus=$!
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/test/bus/socket
install -d -o quicprochat -g quicprochat -m 700 /var/lib/quicprochat
install -d -o quicprochat -g quicprochat -m 750 /run/quicprochat
as() { setpriv --reuid "$1" --regid "$(id -g "$1")" --clear-groups "${@:2}"; }
# Runs what has to be refused, with these words.
refused() {
    local words=$1
    shift
    if "$@" >/run/test/last 2>&1; then echo "allowed: $*"; return 1; fi
    grep -q "$words" /run/test/last || { cat /run/test/last; return 1; }
}
env -i DBUS_SYSTEM_BUS_ADDRESS="$DBUS_SYSTEM_BUS_ADDRESS" QPC_API_BUS=system QPC_TCP_LISTEN=127.0.0.1:0 \
    STATE_DIRECTORY=/var/lib/quicprochat RUNTIME_DIRECTORY=/run/quicprochat \
    CONFIGURATION_DIRECTORY=/etc/quicprochat \
    setpriv --reuid quicprochat --regid quicprochat --clear-groups \
    /usr/local/bin/qpcd --no-mdns --no-iroh >/run/test/log 2>&1 &
daemon=$!
trap 'kill $daemon $bus 2>/dev/null || true' EXIT

patiently() {
    for _ in $(seq 100); do "$@" >/run/test/last 2>&1 && return; sleep 0.1; done
    cat /run/test/last /run/test/log /run/test/bus.log
    return 1
}
patiently /usr/local/bin/qpc status
ask() {
    "$@" gdbus call --system --dest org.quicprochat.Daemon1 --object-path /org/quicprochat \
        --method org.quicprochat.Daemon1.Status
}
patiently ask env
# Others are refused: by the bus, and at the socket's directory.
refused AccessDenied ask as nobody
refused 'no daemon is reachable' as nobody /usr/local/bin/qpc --socket /run/quicprochat/qpcd.sock status
# But for the door that polkit guards, which is not here.
refused 'polkit cannot be asked' as nobody gdbus call --system --dest org.quicprochat.Daemon1 \
    --object-path /org/quicprochat --method org.quicprochat.Access1.Open member
grep -q org.quicprochat.daemon1.use /usr/share/polkit-1/actions/org.quicprochat.policy
# What happens is told to those who may ask, and to nobody else.
hear() {
    "${@:2}" gdbus monitor --system --dest org.quicprochat.Daemon1 >"/run/test/$1" 2>&1 &
    listeners+=" $!"
}
listeners=
hear others as nobody
hear root env
patiently grep -q 'is owned by' /run/test/others
patiently grep -q 'is owned by' /run/test/root
/usr/local/bin/qpc links add tcp://127.0.0.1:1
patiently grep -q org.quicprochat.Events1.Event /run/test/root
if grep org.quicprochat.Events1 /run/test/others; then echo "others hear it"; exit 1; fi
kill $listeners
# And nobody else may be it.
kill "$daemon"
wait "$daemon"
claim() {
    "$@" gdbus call --system --dest org.freedesktop.DBus --object-path /org/freedesktop/DBus \
        --method org.freedesktop.DBus.RequestName org.quicprochat.Daemon1 4
}
refused AccessDenied claim env
claim as quicprochat
kill "$bus"
rm -rf /run/quicprochat

/usr/local/bin/qpcd uninstall --purge
if getent passwd quicprochat || getent group quicprochat; then echo "the account is left"; exit 1; fi
list >/run/test/after
diff /run/test/before /run/test/after
