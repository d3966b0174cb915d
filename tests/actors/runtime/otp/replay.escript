#!/usr/bin/env escript
%% Plays scenarios (Erlang terms in the file given, see scenario.py) with OTP's supervisor and prints
%% the outcome of each as one term {Name, [Event]}, an event being a string. ours.py plays the same
%% with the project's supervisor and must come to the same strings.
-module(replay).
-mode(compile).
-export([main/1, init/1, start_child/2, start_child/3, child/3]).

main([File]) ->
    logger:set_primary_config(level, none),
    {ok, [Scenarios]} = file:consult(File),
    Self = self(),
    Runs = [{Name, spawn_monitor(fun() -> Self ! {self(), play(Scenario)} end)}
            || #{name := Name} = Scenario <- Scenarios],
    [io:format("~p.~n", [{Name, outcome(Run)}]) || {Name, Run} <- Runs],
    ok.

outcome({Pid, Monitor}) ->
    receive
        {Pid, Events} -> Events;
        {'DOWN', Monitor, process, Pid, Reason} when Reason =/= normal ->
            [fmt("the replay failed: ~p", [Reason])]
    after 90000 ->
        ["the replay hung"]
    end.

%% -- one scenario

play(#{flags := Flags, children := Children, steps := Steps}) ->
    process_flag(trap_exit, true),
    Log = spawn_link(fun() -> logbook([], #{}) end),
    case supervisor:start_link(?MODULE, {Log, Flags, Children}) of
        {ok, Sup} ->
            log(Log, "up"),
            [step(Log, Sup, Step) || Step <- Steps],
            finish(Log, Sup);
        {error, {shutdown, _}} -> log(Log, "not up: shutdown");
        {error, _} -> log(Log, "not up: refused");
        ignore -> log(Log, "not up: ignored")
    end,
    call(Log, events).

finish(Log, Sup) ->
    log(Log, which(Sup)),
    log(Log, count(Sup)),
    log(Log, "down"),
    exit(Sup, shutdown),
    receive
        {'EXIT', Sup, Reason} -> log(Log, "ended: " ++ reason(Reason))
    end.

init({Log, Flags, Children}) ->
    {ok, {Flags, [spec(Log, Child) || Child <- Children]}}.

spec(Log, #{id := Id} = Child) ->
    Fields = maps:with([id, restart, shutdown, type, significant], Child),
    Fields#{start => {?MODULE, start_child, [Log, Child#{label => Id}]}}.

%% -- the log: what happened, how often each child was started, and who it is now

logbook(Events, Children) ->
    receive
        {From, {log, Text}} ->
            reply(From, ok),
            logbook([Text | Events], Children);
        {From, {attempt, Label}} ->
            {Count, Pid} = maps:get(Label, Children, {0, undefined}),
            reply(From, Count + 1),
            logbook(Events, Children#{Label => {Count + 1, Pid}});
        {From, {is, Label, Pid}} ->
            {Count, _} = maps:get(Label, Children),
            reply(From, ok),
            logbook(Events, Children#{Label => {Count, Pid}});
        {From, {who, Label}} ->
            {_, Pid} = maps:get(Label, Children, {0, undefined}),
            reply(From, Pid),
            logbook(Events, Children);
        {From, {label, Pid}} ->
            [Label] = [L || {L, {_, P}} <- maps:to_list(Children), P =:= Pid],
            reply(From, Label),
            logbook(Events, Children);
        {From, events} ->
            reply(From, lists:reverse(Events)),
            logbook(Events, Children)
    end.

call(Log, Request) ->
    Ref = monitor(process, Log),
    Log ! {{self(), Ref}, Request},
    receive
        {Ref, Answer} -> demonitor(Ref, [flush]), Answer
    end.

reply({Pid, Ref}, Answer) -> Pid ! {Ref, Answer}.

log(Log, Text) -> call(Log, {log, lists:flatten(Text)}).

fmt(Format, Args) -> lists:flatten(io_lib:format(Format, Args)).

%% -- children

start_child(Log, Template, Label) -> start_child(Log, Template#{label := Label}).

start_child(Log, #{label := Label, plan := Plan, later := Later} = Child) ->
    Attempt = call(Log, {attempt, Label}),
    {Outcome, Quiet} = case Attempt =< length(Plan) of
        true -> {lists:nth(Attempt, Plan), false};
        false -> {Later, Later =/= ok}
    end,
    Quiet orelse log(Log, fmt("start ~s: ~s", [Label, Outcome])),
    case {Outcome, maps:get(nested, Child)} of
        {ok, none} -> proc_lib:start_link(?MODULE, child, [Log, Child, self()]);
        {ok, {Flags, Children}} ->
            case supervisor:start_link(?MODULE, {Log, Flags, Children}) of
                {ok, Pid} -> call(Log, {is, Label, Pid}), {ok, Pid};
                Other -> Other
            end;
        {ignore, _} -> ignore;
        {error, _} -> {error, refused}
    end.

child(Log, #{label := Label} = Child, Parent) ->
    process_flag(trap_exit, true),
    call(Log, {is, Label, self()}),
    proc_lib:init_ack(Parent, {ok, self()}),
    child_loop(Log, Child, Parent).

child_loop(Log, #{label := Label, stop := Stop} = Child, Parent) ->
    receive
        {leave, Reason} -> exit(Reason);
        {'EXIT', Parent, Reason} ->
            log(Log, fmt("stop ~s: ~s", [Label, reason(Reason)])),
            case Stop of
                obey -> exit(Reason);
                badly -> exit(boom);
                stubborn -> receive never -> ok end
            end;
        _ -> child_loop(Log, Child, Parent)
    end.

%% -- steps

step(Log, Sup, Step) ->
    log(Log, ["> " | step_name(Step)]),
    try do(Log, Sup, Step)
    catch exit:_ -> log(Log, "no supervisor")
    end.

step_name(Step) when is_tuple(Step) -> atom_to_list(element(1, Step));
step_name(Step) -> atom_to_list(Step).

do(Log, Sup, {leave, Label, Reason}) ->
    leave(Log, Label, Reason),
    settle(Sup);
do(Log, Sup, {leave_together, Labels, Reason}) ->
    is_process_alive(Sup) andalso begin
        erlang:suspend_process(Sup),
        [leave(Log, Label, Reason) || Label <- Labels],
        erlang:resume_process(Sup)
    end,
    settle(Sup);
do(Log, Sup, {spin, Label}) ->  % it ends, and is then restarting for ever
    leave(Log, Label, boom),
    until_restarting(Sup);
do(Log, Sup, {start, Child}) ->
    Answer = supervisor:start_child(Sup, spec(Log, Child)),
    log(Log, started(Log, Answer));
do(Log, Sup, {start_dynamic, Label}) ->
    log(Log, started(Log, supervisor:start_child(Sup, [Label])));
do(Log, Sup, {terminate, Id}) ->
    log(Log, plain(supervisor:terminate_child(Sup, Id)));
do(Log, Sup, {terminate_dynamic, Label}) ->
    case call(Log, {who, Label}) of
        undefined -> log(Log, "never was");
        Pid -> log(Log, plain(supervisor:terminate_child(Sup, Pid)))
    end;
do(Log, Sup, terminate_stranger) ->
    log(Log, plain(supervisor:terminate_child(Sup, self())));
do(Log, Sup, {restart, Id}) ->
    log(Log, started(Log, supervisor:restart_child(Sup, Id)));
do(Log, Sup, {delete, Id}) ->
    log(Log, plain(supervisor:delete_child(Sup, Id)));
do(Log, Sup, {spec, Id}) ->
    case supervisor:get_childspec(Sup, Id) of
        {ok, #{restart := R, shutdown := S, type := T, significant := G}} ->
            log(Log, fmt("~p ~p ~p ~p", [R, S, T, G]));
        Error -> log(Log, plain(Error))
    end;
do(Log, Sup, which) -> log(Log, which(Sup));
do(Log, Sup, count) -> log(Log, count(Sup));
do(_, _, {wait, Milliseconds}) -> timer:sleep(Milliseconds).

leave(Log, Label, Reason) ->
    case call(Log, {who, Label}) of
        undefined -> log(Log, "never was");
        Pid ->
            Monitor = monitor(process, Pid),
            case Reason of
                kill -> exit(Pid, kill);
                _ -> Pid ! {leave, Reason}
            end,
            receive
                {'DOWN', Monitor, process, Pid, noproc} -> log(Log, "was dead");
                {'DOWN', Monitor, process, Pid, _} -> ok
            end
    end.

%% Waits until the supervisor has dealt with all deaths, or is dead itself.
settle(Sup) ->
    try supervisor:which_children(Sup) of
        Children ->
            Busy = [x || {_, Pid, _, _} <- Children,
                         Pid =:= restarting orelse
                             (is_pid(Pid) andalso not is_process_alive(Pid))],
            case Busy =:= [] andalso settle_nested(Children) of
                true -> ok;
                false -> timer:sleep(1), settle(Sup)
            end
    catch
        exit:_ -> ok
    end.

settle_nested(Children) ->
    Nested = [Pid || {_, Pid, supervisor, _} <- Children, is_pid(Pid)],
    [settle(Pid) || Pid <- Nested],
    lists:all(fun is_process_alive/1, Nested).

until_restarting(Sup) ->
    case [x || {_, restarting, _, _} <- supervisor:which_children(Sup)] of
        [] -> timer:sleep(1), until_restarting(Sup);
        _ -> ok
    end.

%% -- answers as text

started(_, {ok, undefined}) -> "ok: ignored";
started(Log, {ok, Pid}) -> fmt("ok: ~s", [call(Log, {label, Pid})]);
started(_, {error, already_present}) -> "error: already_present";
started(_, {error, {already_started, _}}) -> "error: already_started";
started(_, {error, {refused, _}}) -> "error: did not start";
started(_, {error, refused}) -> "error: did not start";
started(_, {error, {{shutdown, _}, _}}) -> "error: did not start";
started(_, {error, {shutdown, _}}) -> "error: did not start";
started(_, {error, Simple}) when is_atom(Simple), Simple =/= missing_id -> plain({error, Simple});
started(_, {error, _}) -> "error: spec refused".

plain(ok) -> "ok";
plain({error, Reason}) -> fmt("error: ~p", [Reason]).

which(Sup) ->
    try supervisor:which_children(Sup) of
        Children -> "children:" ++ lists:append(order(Children))
    catch
        exit:_ -> "no supervisor"
    end.

order([{undefined, _, _, _} | _] = Dynamic) -> lists:sort([child_text(C) || C <- Dynamic]);
order(Static) -> [child_text(C) || C <- lists:reverse(Static)].

child_text({Id, Pid, Type, _}) ->
    State = case Pid of
        _ when is_pid(Pid) -> running;
        _ -> Pid
    end,
    fmt(" ~s=~s(~s)", [Id, State, Type]).

count(Sup) ->
    try supervisor:count_children(Sup) of
        [{specs, S}, {active, A}, {supervisors, U}, {workers, W}] ->
            fmt("specs ~b active ~b supervisors ~b workers ~b", [S, A, U, W])
    catch
        exit:_ -> "no supervisor"
    end.

reason(Reason) when is_atom(Reason) -> atom_to_list(Reason);
reason({shutdown, _}) -> "shutdown";
reason(_) -> "error".
