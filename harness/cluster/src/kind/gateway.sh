# What runs in the gateway container: passes on what comes to its own address, and reports every other try. The sockets are those
# of plumbline_servers::gateway. Needs a shell, `ip` and socat, as nodes have them, and NET_ADMIN. The arguments are the networks inside
# the clusters.
# shellcheck shell=dash disable=SC2016 # what is not expanded here is by the shell of each report
set -e
exec 2>&1
sockets=/run/plumbline

route=$(ip -4 route show dev eth0 proto kernel)
subnet=${route%% *}
address=${route##* src }
address=${address%% *}

# Every address that is not in this network is taken for its own, so that connections to it arrive here and end here. The network
# itself is named in the same table, as that table comes before all others.
ip route add "$subnet" dev eth0 table local
ip route add local default dev lo table local
# What is for a Service or a pod comes here only as long as, or once, it is not there: that is no try to get out.
for inside in "$@"; do
  ip route add unreachable "$inside" table local
done

pass() {
  local port=$1 socket=$sockets/$2
  socat "TCP4-LISTEN:$port,bind=$address,fork,reuseaddr,reuseport,backlog=256" "UNIX-CONNECT:$socket" &
}

# Of two listeners at a port that which names its address comes first: this one has what was sent elsewhere. What is sent is not read,
# and the connection is closed. socat has meanings of its own for colons and quotes, so it is told no more than where to read.
export report='echo "try $SOCAT_SOCKADDR $SOCAT_SOCKPORT" | socat -u - UNIX-CONNECT:/run/plumbline/reports.sock'
watch() {
  socat "TCP4-LISTEN:$1,fork,reuseaddr,reuseport,backlog=64" 'SYSTEM:eval $report' &
}

# A look-up may take longer than socat waits by itself once a datagram, which is all that comes, has been read.
socat -t 10 "UDP4-RECVFROM:53,bind=$address,fork" "UNIX-CONNECT:$sockets/questions.sock" &
pass 53 long-questions.sock
pass 80 connections.sock
pass 443 connections.sock
# Git, names, the web, proxies and registries. At any other port a try is refused by the kernel.
for port in 22 53 80 443 853 3128 5000 8080 8443 9418; do
  watch "$port"
done

echo "here $address" | socat -u - "UNIX-CONNECT:$sockets/reports.sock"
wait
