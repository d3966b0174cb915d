%% Peer: a gen_server on one Erlang node, asked (call) and told (cast) from another.
%% host/0 runs on the serving node until its standard input ends; ask/1 and tell/1 on the other
%% speak the line protocol of benchmarks/program.py.
-module(erlang_peer).
-behaviour(gen_server).
-export([host/0, ask/1, tell/1, init/1, handle_call/3, handle_cast/2]).

-define(PAYLOAD, list_to_binary(lists:seq(0, 99))).

host() ->
    {ok, _} = gen_server:start({local, echo}, ?MODULE, [], []),
    io:put_chars("up\n"),
    eof = io:get_line(""),
    halt().

ask(Node) ->
    Echo = connect(Node),
    Payload = ?PAYLOAD,
    serve(fun(Count) ->
        Micros = timed(fun() -> calls(Echo, Payload, Count) end),
        Micros / Count
    end).

%% The rate counts a message when the receiver has: the count is asked for behind the casts.
tell(Node) ->
    Echo = connect(Node),
    Payload = ?PAYLOAD,
    serve(fun(Count) ->
        Before = gen_server:call(Echo, counted),
        Due = Before + Count,
        Micros = timed(fun() ->
            casts(Echo, Payload, Count),
            Due = gen_server:call(Echo, counted, 60000)
        end),
        Count / Micros * 1.0e6
    end).

connect(Node) ->
    true = net_kernel:connect_node(Node),
    rpc:call(Node, erlang, whereis, [echo]).

timed(Fun) ->
    Started = erlang:monotonic_time(nanosecond),
    Fun(),
    (erlang:monotonic_time(nanosecond) - Started) / 1000.

calls(_, _, 0) -> ok;
calls(Echo, Payload, N) ->
    Payload = gen_server:call(Echo, {echo, Payload}),
    calls(Echo, Payload, N - 1).

casts(_, _, 0) -> ok;
casts(Echo, Payload, N) ->
    gen_server:cast(Echo, Payload),
    casts(Echo, Payload, N - 1).

serve(Sample) ->
    io:put_chars("ready\n"),
    answer(Sample).

answer(Sample) ->
    case io:get_line("") of
        eof -> halt();
        Line ->
            Count = list_to_integer(string:trim(Line)),
            io:format("~.6f~n", [float(Sample(Count))]),
            answer(Sample)
    end.

init([]) -> {ok, 0}.

handle_call({echo, Payload}, _From, Count) -> {reply, Payload, Count};
handle_call(counted, _From, Count) -> {reply, Count, Count}.

handle_cast(_Payload, Count) -> {noreply, Count + 1}.
