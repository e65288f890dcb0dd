"""The fields of Mesos' v1 messages that come in: facts of the protocol, in the order in which Mesos declares them. (mesos/v1/*.proto, 1.11)

`message: field=type ...`, where `!` marks what is required, `*` what repeats and `%` a map; `enum= name ...`. Indented lines go on with the one above.
"""

TABLE = """\
scheduler.Call: framework_id=FrameworkID type=scheduler.Call.Type subscribe=scheduler.Call.Subscribe accept=scheduler.Call.Accept
    decline=scheduler.Call.Decline accept_inverse_offers=scheduler.Call.InverseOffers
    decline_inverse_offers=scheduler.Call.InverseOffers revive=scheduler.Call.Roles kill=scheduler.Call.Kill
    shutdown=scheduler.Call.Shutdown acknowledge=scheduler.Call.Acknowledge
    acknowledge_operation_status=scheduler.Call.AcknowledgeOperationStatus reconcile=scheduler.Call.Reconcile
    reconcile_operations=scheduler.Call.ReconcileOperations message=scheduler.Call.Message request=scheduler.Call.Request
    suppress=scheduler.Call.Roles update_framework=scheduler.Call.UpdateFramework
FrameworkID: value!=string
scheduler.Call.Subscribe: framework_info!=FrameworkInfo suppressed_roles*=string offer_constraints=OfferConstraints
FrameworkInfo: user!=string name!=string id=FrameworkID failover_timeout=double checkpoint=bool role=string roles*=string
    hostname=string principal=string webui_url=string capabilities*=FrameworkInfo.Capability labels=Labels
    offer_filters%=OfferFilters
FrameworkInfo.Capability: type=FrameworkInfo.Capability.Type
Labels: labels*=Label
Label: key!=string value=string
OfferFilters: min_allocatable_resources=OfferFilters.MinAllocatableResources
OfferFilters.MinAllocatableResources: quantities*=OfferFilters.ResourceQuantities
OfferFilters.ResourceQuantities: quantities%=Value.Scalar
Value.Scalar: value!=double
OfferConstraints: role_constraints%=OfferConstraints.RoleConstraints
OfferConstraints.RoleConstraints: groups*=OfferConstraints.Group
OfferConstraints.Group: attribute_constraints*=AttributeConstraint
AttributeConstraint: selector!=AttributeConstraint.Selector predicate!=AttributeConstraint.Predicate
AttributeConstraint.Selector: pseudoattribute_type=AttributeConstraint.Selector.PseudoattributeType attribute_name=string
AttributeConstraint.Predicate: exists=AttributeConstraint.Predicate.Exists not_exists=AttributeConstraint.Predicate.NotExists
    text_equals=AttributeConstraint.Predicate.Text text_not_equals=AttributeConstraint.Predicate.Text
    text_matches=AttributeConstraint.Predicate.Regex text_not_matches=AttributeConstraint.Predicate.Regex
AttributeConstraint.Predicate.Exists:
AttributeConstraint.Predicate.NotExists:
AttributeConstraint.Predicate.Text: value!=string
AttributeConstraint.Predicate.Regex: regex!=string
scheduler.Call.Accept: offer_ids*=OfferID operations*=Offer.Operation filters=Filters
OfferID: value!=string
Offer.Operation: type=Offer.Operation.Type id=OperationID launch=Offer.Operation.Launch launch_group=Offer.Operation.LaunchGroup
    reserve=Offer.Operation.Reserve unreserve=Offer.Operation.Unreserve create=Offer.Operation.Create
    destroy=Offer.Operation.Destroy grow_volume=Offer.Operation.GrowVolume shrink_volume=Offer.Operation.ShrinkVolume
    create_disk=Offer.Operation.CreateDisk destroy_disk=Offer.Operation.DestroyDisk
OperationID: value!=string
Offer.Operation.Launch: task_infos*=TaskInfo
TaskInfo: name!=string task_id!=TaskID agent_id!=AgentID resources*=Resource executor=ExecutorInfo command=CommandInfo
    container=ContainerInfo health_check=HealthCheck check=CheckInfo kill_policy=KillPolicy data=bytes labels=Labels
    discovery=DiscoveryInfo max_completion_time=DurationInfo limits%=Value.Scalar
TaskID: value!=string
AgentID: value!=string
Resource: provider_id=ResourceProviderID name!=string type!=Value.Type scalar=Value.Scalar ranges=Value.Ranges set=Value.Set
    role=string allocation_info=Resource.AllocationInfo reservation=Resource.ReservationInfo
    reservations*=Resource.ReservationInfo disk=Resource.DiskInfo revocable=Resource.RevocableInfo shared=Resource.SharedInfo
ResourceProviderID: value!=string
Value.Ranges: range*=Value.Range
Value.Range: begin!=uint64 end!=uint64
Value.Set: item*=string
Resource.AllocationInfo: role=string
Resource.ReservationInfo: type=Resource.ReservationInfo.Type role=string principal=string labels=Labels
Resource.DiskInfo: persistence=Resource.DiskInfo.Persistence volume=Volume source=Resource.DiskInfo.Source
Resource.DiskInfo.Persistence: id!=string principal=string
Volume: mode!=Volume.Mode container_path!=string host_path=string image=Image source=Volume.Source
Image: type!=Image.Type appc=Image.Appc docker=Image.Docker cached=bool
Image.Appc: name!=string id=string labels=Labels
Image.Docker: name!=string credential=Credential config=Secret
Credential: principal!=string secret=string
Secret: type=Secret.Type reference=Secret.Reference value=Secret.Value
Secret.Reference: name!=string key=string
Secret.Value: data!=bytes
Volume.Source: type=Volume.Source.Type docker_volume=Volume.Source.DockerVolume host_path=Volume.Source.HostPath
    sandbox_path=Volume.Source.SandboxPath secret=Secret csi_volume=Volume.Source.CSIVolume
Volume.Source.DockerVolume: driver=string name!=string driver_options=Parameters
Parameters: parameter*=Parameter
Parameter: key!=string value!=string
Volume.Source.HostPath: path!=string mount_propagation=MountPropagation
MountPropagation: mode=MountPropagation.Mode
Volume.Source.SandboxPath: type=Volume.Source.SandboxPath.Type path!=string
Volume.Source.CSIVolume: plugin_name!=string static_provisioning=Volume.Source.CSIVolume.StaticProvisioning
Volume.Source.CSIVolume.StaticProvisioning: volume_id!=string volume_capability!=Volume.Source.CSIVolume.VolumeCapability
    readonly=bool node_stage_secrets%=Secret node_publish_secrets%=Secret volume_context%=string
Volume.Source.CSIVolume.VolumeCapability: block=Volume.Source.CSIVolume.VolumeCapability.BlockVolume
    mount=Volume.Source.CSIVolume.VolumeCapability.MountVolume access_mode!=Volume.Source.CSIVolume.VolumeCapability.AccessMode
Volume.Source.CSIVolume.VolumeCapability.BlockVolume:
Volume.Source.CSIVolume.VolumeCapability.MountVolume: fs_type=string mount_flags*=string
Volume.Source.CSIVolume.VolumeCapability.AccessMode: mode!=Volume.Source.CSIVolume.VolumeCapability.AccessMode.Mode
Resource.DiskInfo.Source: type!=Resource.DiskInfo.Source.Type path=Resource.DiskInfo.Source.Path
    mount=Resource.DiskInfo.Source.Mount vendor=string id=string metadata=Labels profile=string
Resource.DiskInfo.Source.Path: root=string
Resource.DiskInfo.Source.Mount: root=string
Resource.RevocableInfo:
Resource.SharedInfo:
ExecutorInfo: type=ExecutorInfo.Type executor_id!=ExecutorID framework_id=FrameworkID command=CommandInfo container=ContainerInfo
    resources*=Resource name=string source=string data=bytes discovery=DiscoveryInfo shutdown_grace_period=DurationInfo
    labels=Labels
ExecutorID: value!=string
CommandInfo: uris*=CommandInfo.URI environment=Environment shell=bool value=string arguments*=string user=string
CommandInfo.URI: value!=string executable=bool extract=bool cache=bool output_file=string
Environment: variables*=Environment.Variable
Environment.Variable: name!=string type=Environment.Variable.Type value=string secret=Secret
ContainerInfo: type!=ContainerInfo.Type volumes*=Volume hostname=string docker=ContainerInfo.DockerInfo
    mesos=ContainerInfo.MesosInfo network_infos*=NetworkInfo linux_info=LinuxInfo rlimit_info=RLimitInfo tty_info=TTYInfo
ContainerInfo.DockerInfo: image!=string network=ContainerInfo.DockerInfo.Network
    port_mappings*=ContainerInfo.DockerInfo.PortMapping privileged=bool parameters*=Parameter force_pull_image=bool
    volume_driver=string
ContainerInfo.DockerInfo.PortMapping: host_port!=uint32 container_port!=uint32 protocol=string
ContainerInfo.MesosInfo: image=Image
NetworkInfo: ip_addresses*=NetworkInfo.IPAddress name=string groups*=string labels=Labels port_mappings*=NetworkInfo.PortMapping
NetworkInfo.IPAddress: protocol=NetworkInfo.Protocol ip_address=string
NetworkInfo.PortMapping: host_port!=uint32 container_port!=uint32 protocol=string
LinuxInfo: capability_info=CapabilityInfo bounding_capabilities=CapabilityInfo effective_capabilities=CapabilityInfo
    share_pid_namespace=bool seccomp=SeccompInfo ipc_mode=LinuxInfo.IpcMode shm_size=uint32
CapabilityInfo: capabilities*=CapabilityInfo.Capability
SeccompInfo: profile_name=string unconfined=bool
RLimitInfo: rlimits*=RLimitInfo.RLimit
RLimitInfo.RLimit: type=RLimitInfo.RLimit.Type hard=uint64 soft=uint64
TTYInfo: window_size=TTYInfo.WindowSize
TTYInfo.WindowSize: rows!=uint32 columns!=uint32
DiscoveryInfo: visibility!=DiscoveryInfo.Visibility name=string environment=string location=string version=string ports=Ports
    labels=Labels
Ports: ports*=Port
Port: number!=uint32 name=string protocol=string visibility=DiscoveryInfo.Visibility labels=Labels
DurationInfo: nanoseconds!=int64
HealthCheck: delay_seconds=double interval_seconds=double timeout_seconds=double consecutive_failures=uint32
    grace_period_seconds=double type=HealthCheck.Type command=CommandInfo http=HealthCheck.HTTPCheckInfo
    tcp=HealthCheck.TCPCheckInfo
HealthCheck.HTTPCheckInfo: protocol=NetworkInfo.Protocol scheme=string port!=uint32 path=string statuses*=uint32
HealthCheck.TCPCheckInfo: protocol=NetworkInfo.Protocol port!=uint32
CheckInfo: type=CheckInfo.Type command=CheckInfo.Command http=CheckInfo.Http tcp=CheckInfo.Tcp delay_seconds=double
    interval_seconds=double timeout_seconds=double
CheckInfo.Command: command!=CommandInfo
CheckInfo.Http: port!=uint32 path=string
CheckInfo.Tcp: port!=uint32
KillPolicy: grace_period=DurationInfo
Offer.Operation.LaunchGroup: executor!=ExecutorInfo task_group!=TaskGroupInfo
TaskGroupInfo: tasks*=TaskInfo
Offer.Operation.Reserve: resources*=Resource
Offer.Operation.Unreserve: resources*=Resource
Offer.Operation.Create: volumes*=Resource
Offer.Operation.Destroy: volumes*=Resource
Offer.Operation.GrowVolume: volume!=Resource addition!=Resource
Offer.Operation.ShrinkVolume: volume!=Resource subtract!=Value.Scalar
Offer.Operation.CreateDisk: source!=Resource target_type!=Resource.DiskInfo.Source.Type target_profile=string
Offer.Operation.DestroyDisk: source!=Resource
Filters: refuse_seconds=double
scheduler.Call.Decline: offer_ids*=OfferID filters=Filters
scheduler.Call.InverseOffers: inverse_offer_ids*=OfferID filters=Filters
scheduler.Call.Roles: roles*=string role=string
scheduler.Call.Kill: task_id!=TaskID agent_id=AgentID kill_policy=KillPolicy
scheduler.Call.Shutdown: executor_id!=ExecutorID agent_id!=AgentID
scheduler.Call.Acknowledge: agent_id!=AgentID task_id!=TaskID uuid!=bytes
scheduler.Call.AcknowledgeOperationStatus: agent_id=AgentID resource_provider_id=ResourceProviderID uuid!=bytes
    operation_id!=OperationID
scheduler.Call.Reconcile: tasks*=scheduler.Call.Reconcile.Task
scheduler.Call.Reconcile.Task: task_id!=TaskID agent_id=AgentID
scheduler.Call.ReconcileOperations: operations*=scheduler.Call.ReconcileOperations.Operation
scheduler.Call.ReconcileOperations.Operation: operation_id!=OperationID agent_id=AgentID resource_provider_id=ResourceProviderID
scheduler.Call.Message: agent_id!=AgentID executor_id!=ExecutorID data!=bytes
scheduler.Call.Request: requests*=Request
Request: agent_id=AgentID resources*=Resource
scheduler.Call.UpdateFramework: framework_info!=FrameworkInfo suppressed_roles*=string offer_constraints=OfferConstraints
executor.Call: executor_id!=ExecutorID framework_id!=FrameworkID type=executor.Call.Type subscribe=executor.Call.Subscribe
    update=executor.Call.Update message=executor.Call.Message
executor.Call.Subscribe: unacknowledged_tasks*=TaskInfo unacknowledged_updates*=executor.Call.Update
executor.Call.Update: status!=TaskStatus
TaskStatus: task_id!=TaskID state!=TaskState message=string source=TaskStatus.Source reason=TaskStatus.Reason data=bytes
    agent_id=AgentID executor_id=ExecutorID timestamp=double uuid=bytes healthy=bool check_status=CheckStatusInfo labels=Labels
    container_status=ContainerStatus unreachable_time=TimeInfo limitation=TaskResourceLimitation
CheckStatusInfo: type=CheckInfo.Type command=CheckStatusInfo.Command http=CheckStatusInfo.Http tcp=CheckStatusInfo.Tcp
CheckStatusInfo.Command: exit_code=int32
CheckStatusInfo.Http: status_code=uint32
CheckStatusInfo.Tcp: succeeded=bool
ContainerStatus: container_id=ContainerID network_infos*=NetworkInfo cgroup_info=CgroupInfo executor_pid=uint32
ContainerID: value!=string parent=ContainerID
CgroupInfo: net_cls=CgroupInfo.NetCls
CgroupInfo.NetCls: classid=uint32
TimeInfo: nanoseconds!=int64
TaskResourceLimitation: resources*=Resource
executor.Call.Message: data!=bytes
master.Call: type=master.Call.Type get_metrics=master.Call.GetMetrics set_logging_level=master.Call.SetLoggingLevel
    list_files=master.Call.ListFiles read_file=master.Call.ReadFile update_weights=master.Call.UpdateWeights
    reserve_resources=master.Call.ReserveResources unreserve_resources=master.Call.UnreserveResources
    create_volumes=master.Call.CreateVolumes destroy_volumes=master.Call.DestroyVolumes grow_volume=master.Call.GrowVolume
    shrink_volume=master.Call.ShrinkVolume update_maintenance_schedule=master.Call.UpdateMaintenanceSchedule
    start_maintenance=master.Call.Machines stop_maintenance=master.Call.Machines drain_agent=master.Call.DrainAgent
    deactivate_agent=master.Call.OfAgent reactivate_agent=master.Call.OfAgent update_quota=master.Call.UpdateQuota
    set_quota=master.Call.SetQuota remove_quota=master.Call.RemoveQuota teardown=master.Call.Teardown
    mark_agent_gone=master.Call.OfAgent
agent.Call: type=agent.Call.Type get_metrics=master.Call.GetMetrics set_logging_level=master.Call.SetLoggingLevel
    list_files=master.Call.ListFiles read_file=master.Call.ReadFile get_containers=agent.Call.GetContainers
agent.Call.GetContainers: show_nested=bool show_standalone=bool
master.Call.GetMetrics: timeout=DurationInfo
master.Call.SetLoggingLevel: level!=uint32 duration!=DurationInfo
master.Call.ListFiles: path!=string
master.Call.ReadFile: path!=string offset!=uint64 length=uint64
master.Call.UpdateWeights: weight_infos*=WeightInfo
WeightInfo: weight!=double role=string
master.Call.ReserveResources: agent_id!=AgentID source*=Resource resources*=Resource
master.Call.UnreserveResources: agent_id!=AgentID resources*=Resource
master.Call.CreateVolumes: agent_id!=AgentID volumes*=Resource
master.Call.DestroyVolumes: agent_id!=AgentID volumes*=Resource
master.Call.GrowVolume: agent_id=AgentID volume!=Resource addition!=Resource
master.Call.ShrinkVolume: agent_id=AgentID volume!=Resource subtract!=Value.Scalar
master.Call.UpdateMaintenanceSchedule: schedule!=maintenance.Schedule
maintenance.Schedule: windows*=maintenance.Window
maintenance.Window: machine_ids*=MachineID unavailability!=Unavailability
MachineID: hostname=string ip=string
Unavailability: start!=TimeInfo duration=DurationInfo
master.Call.Machines: machines*=MachineID
master.Call.DrainAgent: agent_id!=AgentID max_grace_period=Duration mark_gone=bool
master.Call.OfAgent: agent_id!=AgentID
master.Call.UpdateQuota: force=bool quota_configs*=quota.QuotaConfig
quota.QuotaConfig: role!=string guarantees%=Value.Scalar limits%=Value.Scalar
master.Call.SetQuota: quota_request!=quota.QuotaRequest
quota.QuotaRequest: force=bool role=string guarantee*=Resource
master.Call.RemoveQuota: role!=string
master.Call.Teardown: framework_id!=FrameworkID
scheduler.Call.Type= UNKNOWN SUBSCRIBE TEARDOWN ACCEPT DECLINE ACCEPT_INVERSE_OFFERS DECLINE_INVERSE_OFFERS REVIVE KILL SHUTDOWN
    ACKNOWLEDGE ACKNOWLEDGE_OPERATION_STATUS RECONCILE RECONCILE_OPERATIONS MESSAGE REQUEST SUPPRESS UPDATE_FRAMEWORK
FrameworkInfo.Capability.Type= UNKNOWN REVOCABLE_RESOURCES TASK_KILLING_STATE GPU_RESOURCES SHARED_RESOURCES PARTITION_AWARE
    MULTI_ROLE RESERVATION_REFINEMENT REGION_AWARE
AttributeConstraint.Selector.PseudoattributeType= UNKNOWN HOSTNAME REGION ZONE
Offer.Operation.Type= UNKNOWN LAUNCH LAUNCH_GROUP RESERVE UNRESERVE CREATE DESTROY GROW_VOLUME SHRINK_VOLUME CREATE_DISK
    DESTROY_DISK
Value.Type= SCALAR RANGES SET TEXT
Resource.ReservationInfo.Type= UNKNOWN STATIC DYNAMIC
Volume.Mode= RW RO
Image.Type= APPC DOCKER
Secret.Type= UNKNOWN REFERENCE VALUE
Volume.Source.Type= UNKNOWN DOCKER_VOLUME HOST_PATH SANDBOX_PATH SECRET CSI_VOLUME
MountPropagation.Mode= UNKNOWN HOST_TO_CONTAINER BIDIRECTIONAL
Volume.Source.SandboxPath.Type= UNKNOWN SELF PARENT
Volume.Source.CSIVolume.VolumeCapability.AccessMode.Mode= UNKNOWN SINGLE_NODE_WRITER SINGLE_NODE_READER_ONLY
    MULTI_NODE_READER_ONLY MULTI_NODE_SINGLE_WRITER MULTI_NODE_MULTI_WRITER
Resource.DiskInfo.Source.Type= UNKNOWN PATH MOUNT BLOCK RAW
ExecutorInfo.Type= UNKNOWN DEFAULT CUSTOM
Environment.Variable.Type= UNKNOWN VALUE SECRET
ContainerInfo.Type= DOCKER MESOS
ContainerInfo.DockerInfo.Network= HOST BRIDGE NONE USER
NetworkInfo.Protocol= IPv4 IPv6
CapabilityInfo.Capability= UNKNOWN CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT
    SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
    MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
LinuxInfo.IpcMode= UNKNOWN PRIVATE SHARE_PARENT
RLimitInfo.RLimit.Type= UNKNOWN RLMT_AS RLMT_CORE RLMT_CPU RLMT_DATA RLMT_FSIZE RLMT_LOCKS RLMT_MEMLOCK RLMT_MSGQUEUE RLMT_NICE
    RLMT_NOFILE RLMT_NPROC RLMT_RSS RLMT_RTPRIO RLMT_RTTIME RLMT_SIGPENDING RLMT_STACK
DiscoveryInfo.Visibility= FRAMEWORK CLUSTER EXTERNAL
HealthCheck.Type= UNKNOWN COMMAND HTTP TCP
CheckInfo.Type= UNKNOWN COMMAND HTTP TCP
agent.Call.Type= UNKNOWN GET_HEALTH GET_FLAGS GET_VERSION GET_METRICS GET_LOGGING_LEVEL SET_LOGGING_LEVEL LIST_FILES READ_FILE
    GET_STATE GET_CONTAINERS GET_FRAMEWORKS GET_EXECUTORS GET_OPERATIONS GET_TASKS GET_AGENT GET_RESOURCE_PROVIDERS
    LAUNCH_CONTAINER WAIT_CONTAINER KILL_CONTAINER REMOVE_CONTAINER LAUNCH_NESTED_CONTAINER WAIT_NESTED_CONTAINER
    KILL_NESTED_CONTAINER REMOVE_NESTED_CONTAINER LAUNCH_NESTED_CONTAINER_SESSION ATTACH_CONTAINER_INPUT
    ATTACH_CONTAINER_OUTPUT ADD_RESOURCE_PROVIDER_CONFIG UPDATE_RESOURCE_PROVIDER_CONFIG REMOVE_RESOURCE_PROVIDER_CONFIG
    MARK_RESOURCE_PROVIDER_GONE PRUNE_IMAGES
executor.Call.Type= UNKNOWN SUBSCRIBE UPDATE MESSAGE HEARTBEAT
TaskState= TASK_STAGING TASK_STARTING TASK_RUNNING TASK_KILLING TASK_FINISHED TASK_FAILED TASK_KILLED TASK_ERROR TASK_LOST
    TASK_DROPPED TASK_UNREACHABLE TASK_GONE TASK_GONE_BY_OPERATOR TASK_UNKNOWN
TaskStatus.Source= SOURCE_MASTER SOURCE_AGENT SOURCE_EXECUTOR
TaskStatus.Reason= REASON_COMMAND_EXECUTOR_FAILED REASON_CONTAINER_LAUNCH_FAILED REASON_CONTAINER_LIMITATION
    REASON_CONTAINER_LIMITATION_DISK REASON_CONTAINER_LIMITATION_MEMORY REASON_CONTAINER_PREEMPTED REASON_CONTAINER_UPDATE_FAILED
    REASON_MAX_COMPLETION_TIME_REACHED REASON_EXECUTOR_REGISTRATION_TIMEOUT REASON_EXECUTOR_REREGISTRATION_TIMEOUT
    REASON_EXECUTOR_TERMINATED REASON_EXECUTOR_UNREGISTERED REASON_FRAMEWORK_REMOVED REASON_GC_ERROR REASON_INVALID_FRAMEWORKID
    REASON_INVALID_OFFERS REASON_IO_SWITCHBOARD_EXITED REASON_MASTER_DISCONNECTED REASON_RECONCILIATION REASON_RESOURCES_UNKNOWN
    REASON_AGENT_DISCONNECTED REASON_AGENT_REMOVED REASON_AGENT_REMOVED_BY_OPERATOR REASON_AGENT_REREGISTERED
    REASON_AGENT_RESTARTED REASON_AGENT_UNKNOWN REASON_TASK_KILLED_DURING_LAUNCH REASON_TASK_CHECK_STATUS_UPDATED
    REASON_TASK_HEALTH_CHECK_STATUS_UPDATED REASON_TASK_GROUP_INVALID REASON_TASK_GROUP_UNAUTHORIZED REASON_TASK_INVALID
    REASON_TASK_UNAUTHORIZED REASON_TASK_UNKNOWN REASON_AGENT_DRAINING
master.Call.Type= UNKNOWN GET_HEALTH GET_FLAGS GET_VERSION GET_METRICS GET_LOGGING_LEVEL SET_LOGGING_LEVEL LIST_FILES READ_FILE
    GET_STATE GET_AGENTS GET_FRAMEWORKS GET_EXECUTORS GET_OPERATIONS GET_TASKS GET_ROLES GET_WEIGHTS UPDATE_WEIGHTS GET_MASTER
    SUBSCRIBE RESERVE_RESOURCES UNRESERVE_RESOURCES CREATE_VOLUMES DESTROY_VOLUMES GROW_VOLUME SHRINK_VOLUME
    GET_MAINTENANCE_STATUS GET_MAINTENANCE_SCHEDULE UPDATE_MAINTENANCE_SCHEDULE START_MAINTENANCE STOP_MAINTENANCE DRAIN_AGENT
    DEACTIVATE_AGENT REACTIVATE_AGENT GET_QUOTA UPDATE_QUOTA SET_QUOTA REMOVE_QUOTA TEARDOWN MARK_AGENT_GONE
"""
