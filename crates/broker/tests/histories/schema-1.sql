-- A store as version 0.1.0 left it: a run that succeeded, one that failed, one whose broker was killed.
PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE ledger (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        run TEXT NOT NULL REFERENCES run (id),
        at INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
INSERT INTO "ledger" VALUES(1,'fund:sky-example-nghn2v','sky-example-nghn2v',1795740763127,'{"run":"sky-example-nghn2v","entry":"fund","amount":60000000000}');
INSERT INTO "ledger" VALUES(2,'hold:sky-example-nghn2v-t0-a1-e65eaa5d3e','sky-example-nghn2v',1795740763135,'{"run":"sky-example-nghn2v","entry":"hold","lease":"sky-example-nghn2v-t0-a1-e65eaa5d3e","amount":172000000}');
INSERT INTO "ledger" VALUES(3,'charge:4f0212caf82686dd6241f0891c4b599e','sky-example-nghn2v',1795740763555,'{"run":"sky-example-nghn2v","entry":"charge","event":{"run":"sky-example-nghn2v","task":"clean","subject":"sky-example-nghn2v-t0-a1-e65eaa5d3e","place":{"provider":"azure","region":"eastus2","zone":null},"nature":"emulated","from":1795740763143,"to":1795740763507,"usage":{"vm":{"instance_type":"Standard_DC8as_v5","nodes":1,"since":1795740763143,"hourly":344000000,"terms":{"minimum":60000,"increment":1000}}},"cost":5733333}}');
INSERT INTO "ledger" VALUES(4,'void:sky-example-nghn2v-t0-a1-e65eaa5d3e','sky-example-nghn2v',1795740763555,'{"run":"sky-example-nghn2v","entry":"void","lease":"sky-example-nghn2v-t0-a1-e65eaa5d3e"}');
INSERT INTO "ledger" VALUES(5,'hold:sky-example-nghn2v-t1-a1-e65eaa5d3e','sky-example-nghn2v',1795740763556,'{"run":"sky-example-nghn2v","entry":"hold","lease":"sky-example-nghn2v-t1-a1-e65eaa5d3e","amount":28800000000}');
INSERT INTO "ledger" VALUES(6,'charge:4fd602404b7a00f664bd2d3e9584c50c','sky-example-nghn2v',1795740763587,'{"run":"sky-example-nghn2v","entry":"charge","event":{"run":"sky-example-nghn2v","task":"train","subject":"sky-example-nghn2v-t1-a1-e65eaa5d3e:inputs/patients","place":{"provider":"azure","region":"eastus2","zone":null},"nature":"emulated","from":1795740763587,"to":1795740763587,"usage":{"egress":{"to":{"provider":"gcp","region":"us-central1","zone":"us-central1-a"},"bytes":255182}},"cost":0}}');
INSERT INTO "ledger" VALUES(7,'charge:847ae977f830c127b6abfa630e35082e','sky-example-nghn2v',1795740765593,'{"run":"sky-example-nghn2v","entry":"charge","event":{"run":"sky-example-nghn2v","task":"train","subject":"sky-example-nghn2v-t1-a1-e65eaa5d3e","place":{"provider":"gcp","region":"us-central1","zone":"us-central1-a"},"nature":"emulated","from":1795740763559,"to":1795740765567,"usage":{"vm":{"instance_type":"v5litepod-8","nodes":1,"since":1795740763559,"hourly":9600000000,"terms":{"minimum":60000,"increment":1000}}},"cost":160000000}}');
INSERT INTO "ledger" VALUES(8,'void:sky-example-nghn2v-t1-a1-e65eaa5d3e','sky-example-nghn2v',1795740765593,'{"run":"sky-example-nghn2v","entry":"void","lease":"sky-example-nghn2v-t1-a1-e65eaa5d3e"}');
INSERT INTO "ledger" VALUES(9,'hold:sky-example-nghn2v-t2-a1-e65eaa5d3e','sky-example-nghn2v',1795740765595,'{"run":"sky-example-nghn2v","entry":"hold","lease":"sky-example-nghn2v-t2-a1-e65eaa5d3e","amount":1516400000}');
INSERT INTO "ledger" VALUES(10,'charge:344ddefa297b36b1bc7519ba84cf7da5','sky-example-nghn2v',1795740765622,'{"run":"sky-example-nghn2v","entry":"charge","event":{"run":"sky-example-nghn2v","task":"infer","subject":"sky-example-nghn2v-t2-a1-e65eaa5d3e:inputs/model","place":{"provider":"gcp","region":"us-central1","zone":"us-central1-a"},"nature":"emulated","from":1795740765622,"to":1795740765622,"usage":{"egress":{"to":{"provider":"aws","region":"us-east-1","zone":"us-east-1a"},"bytes":78}},"cost":9}}');
INSERT INTO "ledger" VALUES(11,'charge:4628175bf486343805a31c35c937ec70','sky-example-nghn2v',1795740765625,'{"run":"sky-example-nghn2v","entry":"charge","event":{"run":"sky-example-nghn2v","task":"infer","subject":"sky-example-nghn2v-t2-a1-e65eaa5d3e:inputs/patients","place":{"provider":"azure","region":"eastus2","zone":null},"nature":"emulated","from":1795740765625,"to":1795740765625,"usage":{"egress":{"to":{"provider":"aws","region":"us-east-1","zone":"us-east-1a"},"bytes":63786}},"cost":0}}');
INSERT INTO "ledger" VALUES(12,'charge:2f952c9f4dc0797110e5e403c13c2f21','sky-example-nghn2v',1795740765875,'{"run":"sky-example-nghn2v","entry":"charge","event":{"run":"sky-example-nghn2v","task":"infer","subject":"sky-example-nghn2v-t2-a1-e65eaa5d3e","place":{"provider":"aws","region":"us-east-1","zone":"us-east-1a"},"nature":"emulated","from":1795740765599,"to":1795740765839,"usage":{"vm":{"instance_type":"inf2.xlarge","nodes":1,"since":1795740765599,"hourly":758200000,"terms":{"minimum":60000,"increment":1000}}},"cost":12636667}}');
INSERT INTO "ledger" VALUES(13,'void:sky-example-nghn2v-t2-a1-e65eaa5d3e','sky-example-nghn2v',1795740765875,'{"run":"sky-example-nghn2v","entry":"void","lease":"sky-example-nghn2v-t2-a1-e65eaa5d3e"}');
INSERT INTO "ledger" VALUES(14,'hold:fails-nghn2x-t0-a1-e65eaa5d3e','fails-nghn2x',1795740765939,'{"run":"fails-nghn2x","entry":"hold","lease":"fails-nghn2x-t0-a1-e65eaa5d3e","amount":0}');
INSERT INTO "ledger" VALUES(15,'charge:2143840caa2de78321bbb3f9405d3431','fails-nghn2x',1795740766071,'{"run":"fails-nghn2x","entry":"charge","event":{"run":"fails-nghn2x","task":"fails","subject":"fails-nghn2x-t0-a1-e65eaa5d3e","place":{"provider":"local","region":"localhost","zone":null},"nature":"local","from":1795740765947,"to":1795740766031,"usage":{"vm":{"instance_type":"machine","nodes":1,"since":1795740765947,"hourly":0,"terms":{"minimum":0,"increment":0}}},"cost":0}}');
INSERT INTO "ledger" VALUES(16,'void:fails-nghn2x-t0-a1-e65eaa5d3e','fails-nghn2x',1795740766071,'{"run":"fails-nghn2x","entry":"void","lease":"fails-nghn2x-t0-a1-e65eaa5d3e"}');
INSERT INTO "ledger" VALUES(17,'hold:waits-nghn2y-t0-a1-e65eaa5d3e','waits-nghn2y',1795740766127,'{"run":"waits-nghn2y","entry":"hold","lease":"waits-nghn2y-t0-a1-e65eaa5d3e","amount":0}');
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO "meta" VALUES('salt','e65eaa5d3e');
INSERT INTO "meta" VALUES('owner','welkin-e65eaa5d3e');
CREATE TABLE node_event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL REFERENCES run (id),
        task INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        phase TEXT NOT NULL,
        rank INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        stream TEXT,
        body TEXT NOT NULL,
        UNIQUE (run, task, attempt, phase, rank, seq)
    ) STRICT;
INSERT INTO "node_event" VALUES(1,'sky-example-nghn2v',0,1,'prepare',0,0,1795740763312,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(2,'sky-example-nghn2v',0,1,'prepare',0,1,1795740763316,NULL,'{"event":"fetched","path":"sky_workdir","bytes":4319}');
INSERT INTO "node_event" VALUES(3,'sky-example-nghn2v',0,1,'prepare',0,2,1795740763317,NULL,'{"event":"fetched","path":"inputs/raw","bytes":161629}');
INSERT INTO "node_event" VALUES(4,'sky-example-nghn2v',0,1,'prepare',0,3,1795740763317,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(5,'sky-example-nghn2v',0,1,'run',0,0,1795740763321,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(6,'sky-example-nghn2v',0,1,'run',0,1,1795740763343,NULL,'{"event":"script_started"}');
INSERT INTO "node_event" VALUES(7,'sky-example-nghn2v',0,1,'run',0,2,1795740763360,'stdout','reading 6302 lines');
INSERT INTO "node_event" VALUES(8,'sky-example-nghn2v',0,1,'run',0,3,1795740763464,'stdout','dropped 0 malformed and 301 repeated rows, filled 1259 missing values');
INSERT INTO "node_event" VALUES(9,'sky-example-nghn2v',0,1,'run',0,4,1795740763472,'stdout','train on 4800 rows, test on 1200');
INSERT INTO "node_event" VALUES(10,'sky-example-nghn2v',0,1,'run',0,5,1795740763476,NULL,'{"event":"published","name":"test","digest":"29cfd19cf6a472d8f323c23c24ce83dd10bd4777b2999a813b893a781218fda9","bytes":63786,"files":1}');
INSERT INTO "node_event" VALUES(11,'sky-example-nghn2v',0,1,'run',0,6,1795740763477,NULL,'{"event":"published","name":"train","digest":"8ca12b5155d30c74c5e4a5e6c28f5d4f1baab13f453703709bfd597d31edc4b0","bytes":255182,"files":1}');
INSERT INTO "node_event" VALUES(12,'sky-example-nghn2v',0,1,'run',0,7,1795740763477,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(13,'sky-example-nghn2v',1,1,'prepare',0,0,1795740763727,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(14,'sky-example-nghn2v',1,1,'prepare',0,1,1795740763729,NULL,'{"event":"fetched","path":"sky_workdir","bytes":4319}');
INSERT INTO "node_event" VALUES(15,'sky-example-nghn2v',1,1,'prepare',0,2,1795740763732,NULL,'{"event":"fetched","path":"inputs/patients","bytes":255182}');
INSERT INTO "node_event" VALUES(16,'sky-example-nghn2v',1,1,'prepare',0,3,1795740763732,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(17,'sky-example-nghn2v',1,1,'run',0,0,1795740763739,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(18,'sky-example-nghn2v',1,1,'run',0,1,1795740763763,NULL,'{"event":"script_started"}');
INSERT INTO "node_event" VALUES(19,'sky-example-nghn2v',1,1,'run',0,2,1795740765557,'stdout','epoch   1: loss 0.6931');
INSERT INTO "node_event" VALUES(20,'sky-example-nghn2v',1,1,'run',0,3,1795740765557,'stdout','epoch  20: loss 0.3530');
INSERT INTO "node_event" VALUES(21,'sky-example-nghn2v',1,1,'run',0,4,1795740765557,'stdout','epoch  40: loss 0.3430');
INSERT INTO "node_event" VALUES(24,'sky-example-nghn2v',1,1,'run',0,7,1795740765563,NULL,'{"event":"published","name":"model","digest":"c9824b946487fb9991e6d84ff1c5587e00c77fbd06aa13355e568d79e35efe8d","bytes":78,"files":1}');
INSERT INTO "node_event" VALUES(25,'sky-example-nghn2v',1,1,'run',0,8,1795740765563,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(26,'sky-example-nghn2v',2,1,'prepare',0,0,1795740765764,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(27,'sky-example-nghn2v',2,1,'prepare',0,1,1795740765766,NULL,'{"event":"fetched","path":"sky_workdir","bytes":4319}');
INSERT INTO "node_event" VALUES(28,'sky-example-nghn2v',2,1,'prepare',0,2,1795740765767,NULL,'{"event":"fetched","path":"inputs/model","bytes":78}');
INSERT INTO "node_event" VALUES(29,'sky-example-nghn2v',2,1,'prepare',0,3,1795740765770,NULL,'{"event":"fetched","path":"inputs/patients","bytes":63786}');
INSERT INTO "node_event" VALUES(30,'sky-example-nghn2v',2,1,'prepare',0,4,1795740765770,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(31,'sky-example-nghn2v',2,1,'run',0,0,1795740765779,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(32,'sky-example-nghn2v',2,1,'run',0,1,1795740765799,NULL,'{"event":"script_started"}');
INSERT INTO "node_event" VALUES(39,'sky-example-nghn2v',2,1,'run',0,8,1795740765815,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(40,'fails-nghn2x',0,1,'run',0,0,1795740765975,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(41,'fails-nghn2x',0,1,'run',0,1,1795740765991,NULL,'{"event":"script_started"}');
INSERT INTO "node_event" VALUES(42,'fails-nghn2x',0,1,'run',0,2,1795740766003,NULL,'{"event":"finished","exit":{"exit":"code","code":3}}');
INSERT INTO "node_event" VALUES(43,'waits-nghn2y',0,1,'run',0,0,1795740766157,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(44,'waits-nghn2y',0,1,'run',0,1,1795740766185,NULL,'{"event":"script_started"}');
CREATE TABLE record (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL REFERENCES run (id),
        at INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
INSERT INTO "record" VALUES(1,'sky-example-nghn2v',1795740763130,'{"record":"run_started"}');
INSERT INTO "record" VALUES(2,'sky-example-nghn2v',1795740763135,'{"record":"attempt_began","attempt":{"task":0,"number":1},"placement":0,"nature":"emulated"}');
INSERT INTO "record" VALUES(3,'sky-example-nghn2v',1795740763159,'{"record":"lease_requested","attempt":{"task":0,"number":1},"lease":"azure-91ba4aa34bfbc57e","started":1795740763143}');
INSERT INTO "record" VALUES(4,'sky-example-nghn2v',1795740763166,'{"record":"data_staged","attempt":{"task":0,"number":1},"path":"sky_workdir","tree":{"prefix":"runs/sky-example-nghn2v/=shared/38f5ac88d85d18618a5728f1ad758a5d","digest":"2ee35a271ec8767040f8a3dda10aeb0d66b47db0fb33045d07c5060aec713eff","bytes":4319},"from":null}');
INSERT INTO "record" VALUES(5,'sky-example-nghn2v',1795740763176,'{"record":"data_staged","attempt":{"task":0,"number":1},"path":"inputs/raw","tree":{"prefix":"runs/sky-example-nghn2v/=shared/8be0d1cbc2cd138e8aa9ea0edc808762","digest":"33d57066c7333a52dec12b9eeca1d84f3210b5391965907d22d0d8e840471f94","bytes":161629},"from":null}');
INSERT INTO "record" VALUES(6,'sky-example-nghn2v',1795740763302,'{"record":"lease_ready","attempt":{"task":0,"number":1},"nodes":[{"rank":0,"address":"127.93.109.2"}]}');
INSERT INTO "record" VALUES(7,'sky-example-nghn2v',1795740763311,'{"record":"phase_began","attempt":{"task":0,"number":1},"phase":"prepare"}');
INSERT INTO "record" VALUES(8,'sky-example-nghn2v',1795740763318,'{"record":"phase_began","attempt":{"task":0,"number":1},"phase":"run"}');
INSERT INTO "record" VALUES(9,'sky-example-nghn2v',1795740763493,'{"record":"publish_began","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(10,'sky-example-nghn2v',1795740763494,'{"record":"task_committed","attempt":{"task":0,"number":1},"outputs":{"test":{"prefix":"runs/sky-example-nghn2v/clean/1/test","digest":"29cfd19cf6a472d8f323c23c24ce83dd10bd4777b2999a813b893a781218fda9","bytes":63786},"train":{"prefix":"runs/sky-example-nghn2v/clean/1/train","digest":"8ca12b5155d30c74c5e4a5e6c28f5d4f1baab13f453703709bfd597d31edc4b0","bytes":255182}}}');
INSERT INTO "record" VALUES(11,'sky-example-nghn2v',1795740763494,'{"record":"lease_releasing","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(12,'sky-example-nghn2v',1795740763555,'{"record":"lease_released","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(13,'sky-example-nghn2v',1795740763556,'{"record":"attempt_began","attempt":{"task":1,"number":1},"placement":0,"nature":"emulated"}');
INSERT INTO "record" VALUES(14,'sky-example-nghn2v',1795740763580,'{"record":"lease_requested","attempt":{"task":1,"number":1},"lease":"gcp-4084f1d813e77460","started":1795740763559}');
INSERT INTO "record" VALUES(15,'sky-example-nghn2v',1795740763585,'{"record":"data_staged","attempt":{"task":1,"number":1},"path":"sky_workdir","tree":{"prefix":"runs/sky-example-nghn2v/=shared/38f5ac88d85d18618a5728f1ad758a5d","digest":"2ee35a271ec8767040f8a3dda10aeb0d66b47db0fb33045d07c5060aec713eff","bytes":4319},"from":null}');
INSERT INTO "record" VALUES(16,'sky-example-nghn2v',1795740763587,'{"record":"data_staged","attempt":{"task":1,"number":1},"path":"inputs/patients","tree":{"prefix":"runs/sky-example-nghn2v/=shared/8ca12b5155d30c74c5e4a5e6c28f5d4f1baab13f453703709bfd597d31edc4b0","digest":"8ca12b5155d30c74c5e4a5e6c28f5d4f1baab13f453703709bfd597d31edc4b0","bytes":255182},"from":{"provider":"azure","region":"eastus2","zone":null}}');
INSERT INTO "record" VALUES(17,'sky-example-nghn2v',1795740763723,'{"record":"lease_ready","attempt":{"task":1,"number":1},"nodes":[{"rank":0,"address":"127.65.198.18"}]}');
INSERT INTO "record" VALUES(18,'sky-example-nghn2v',1795740763724,'{"record":"phase_began","attempt":{"task":1,"number":1},"phase":"prepare"}');
INSERT INTO "record" VALUES(19,'sky-example-nghn2v',1795740763734,'{"record":"phase_began","attempt":{"task":1,"number":1},"phase":"run"}');
INSERT INTO "record" VALUES(20,'sky-example-nghn2v',1795740765563,'{"record":"publish_began","attempt":{"task":1,"number":1}}');
INSERT INTO "record" VALUES(21,'sky-example-nghn2v',1795740765564,'{"record":"task_committed","attempt":{"task":1,"number":1},"outputs":{"model":{"prefix":"runs/sky-example-nghn2v/train/1/model","digest":"c9824b946487fb9991e6d84ff1c5587e00c77fbd06aa13355e568d79e35efe8d","bytes":78}}}');
INSERT INTO "record" VALUES(22,'sky-example-nghn2v',1795740765564,'{"record":"lease_releasing","attempt":{"task":1,"number":1}}');
INSERT INTO "record" VALUES(23,'sky-example-nghn2v',1795740765593,'{"record":"lease_released","attempt":{"task":1,"number":1}}');
INSERT INTO "record" VALUES(24,'sky-example-nghn2v',1795740765595,'{"record":"attempt_began","attempt":{"task":2,"number":1},"placement":0,"nature":"emulated"}');
INSERT INTO "record" VALUES(25,'sky-example-nghn2v',1795740765617,'{"record":"lease_requested","attempt":{"task":2,"number":1},"lease":"aws-9154986fd2389601","started":1795740765599}');
INSERT INTO "record" VALUES(26,'sky-example-nghn2v',1795740765621,'{"record":"data_staged","attempt":{"task":2,"number":1},"path":"sky_workdir","tree":{"prefix":"runs/sky-example-nghn2v/=shared/38f5ac88d85d18618a5728f1ad758a5d","digest":"2ee35a271ec8767040f8a3dda10aeb0d66b47db0fb33045d07c5060aec713eff","bytes":4319},"from":null}');
INSERT INTO "record" VALUES(27,'sky-example-nghn2v',1795740765622,'{"record":"data_staged","attempt":{"task":2,"number":1},"path":"inputs/model","tree":{"prefix":"runs/sky-example-nghn2v/=shared/c9824b946487fb9991e6d84ff1c5587e00c77fbd06aa13355e568d79e35efe8d","digest":"c9824b946487fb9991e6d84ff1c5587e00c77fbd06aa13355e568d79e35efe8d","bytes":78},"from":{"provider":"gcp","region":"us-central1","zone":"us-central1-a"}}');
INSERT INTO "record" VALUES(28,'sky-example-nghn2v',1795740765625,'{"record":"data_staged","attempt":{"task":2,"number":1},"path":"inputs/patients","tree":{"prefix":"runs/sky-example-nghn2v/=shared/29cfd19cf6a472d8f323c23c24ce83dd10bd4777b2999a813b893a781218fda9","digest":"29cfd19cf6a472d8f323c23c24ce83dd10bd4777b2999a813b893a781218fda9","bytes":63786},"from":{"provider":"azure","region":"eastus2","zone":null}}');
INSERT INTO "record" VALUES(29,'sky-example-nghn2v',1795740765758,'{"record":"lease_ready","attempt":{"task":2,"number":1},"nodes":[{"rank":0,"address":"127.101.242.102"}]}');
INSERT INTO "record" VALUES(30,'sky-example-nghn2v',1795740765763,'{"record":"phase_began","attempt":{"task":2,"number":1},"phase":"prepare"}');
INSERT INTO "record" VALUES(31,'sky-example-nghn2v',1795740765774,'{"record":"phase_began","attempt":{"task":2,"number":1},"phase":"run"}');
INSERT INTO "record" VALUES(32,'sky-example-nghn2v',1795740765819,'{"record":"task_committed","attempt":{"task":2,"number":1},"outputs":{}}');
INSERT INTO "record" VALUES(33,'sky-example-nghn2v',1795740765823,'{"record":"run_ending","into":"succeeded","reason":null}');
INSERT INTO "record" VALUES(34,'sky-example-nghn2v',1795740765830,'{"record":"lease_releasing","attempt":{"task":2,"number":1}}');
INSERT INTO "record" VALUES(35,'sky-example-nghn2v',1795740765875,'{"record":"lease_released","attempt":{"task":2,"number":1}}');
INSERT INTO "record" VALUES(36,'sky-example-nghn2v',1795740765878,'{"record":"run_ended"}');
INSERT INTO "record" VALUES(37,'fails-nghn2x',1795740765935,'{"record":"run_started"}');
INSERT INTO "record" VALUES(38,'fails-nghn2x',1795740765939,'{"record":"attempt_began","attempt":{"task":0,"number":1},"placement":0,"nature":"local"}');
INSERT INTO "record" VALUES(39,'fails-nghn2x',1795740765962,'{"record":"lease_requested","attempt":{"task":0,"number":1},"lease":"local-b014945d26cc9105","started":1795740765947}');
INSERT INTO "record" VALUES(40,'fails-nghn2x',1795740765967,'{"record":"lease_ready","attempt":{"task":0,"number":1},"nodes":[{"rank":0,"address":"127.84.141.197"}]}');
INSERT INTO "record" VALUES(41,'fails-nghn2x',1795740765971,'{"record":"phase_began","attempt":{"task":0,"number":1},"phase":"run"}');
INSERT INTO "record" VALUES(42,'fails-nghn2x',1795740766007,'{"record":"attempt_ended","attempt":{"task":0,"number":1},"end":{"end":"failed","rank":0,"phase":"run","exit":{"exit":"code","code":3}}}');
INSERT INTO "record" VALUES(43,'fails-nghn2x',1795740766010,'{"record":"task_failed","task":0,"reason":"its script failed\n  1. local/localhost machine on demand: run on node 0 ended with exit code 3"}');
INSERT INTO "record" VALUES(44,'fails-nghn2x',1795740766018,'{"record":"run_ending","into":"failed","reason":"task fails failed: its script failed\n  1. local/localhost machine on demand: run on node 0 ended with exit code 3"}');
INSERT INTO "record" VALUES(45,'fails-nghn2x',1795740766023,'{"record":"lease_releasing","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(46,'fails-nghn2x',1795740766071,'{"record":"lease_released","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(47,'fails-nghn2x',1795740766072,'{"record":"run_ended"}');
INSERT INTO "record" VALUES(48,'waits-nghn2y',1795740766123,'{"record":"run_started"}');
INSERT INTO "record" VALUES(49,'waits-nghn2y',1795740766127,'{"record":"attempt_began","attempt":{"task":0,"number":1},"placement":0,"nature":"local"}');
INSERT INTO "record" VALUES(50,'waits-nghn2y',1795740766147,'{"record":"lease_requested","attempt":{"task":0,"number":1},"lease":"local-47451072b5ee8729","started":1795740766131}');
INSERT INTO "record" VALUES(51,'waits-nghn2y',1795740766155,'{"record":"lease_ready","attempt":{"task":0,"number":1},"nodes":[{"rank":0,"address":"127.70.198.57"}]}');
INSERT INTO "record" VALUES(52,'waits-nghn2y',1795740766156,'{"record":"phase_began","attempt":{"task":0,"number":1},"phase":"run"}');
CREATE TABLE request (
        run TEXT NOT NULL REFERENCES run (id),
        what TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (run, what)
    ) STRICT;
CREATE TABLE run (
        id TEXT PRIMARY KEY,
        client_token TEXT UNIQUE,
        name TEXT NOT NULL,
        plan TEXT NOT NULL,
        job TEXT,
        base_dir TEXT NOT NULL,
        state TEXT NOT NULL,
        submitted INTEGER NOT NULL
    ) STRICT;
INSERT INTO "run" VALUES('sky-example-nghn2v',NULL,'sky-example','{
  "schema": 1,
  "id": "e2e9615504c41995a67d3a02085c957b604e7a795636d207fc870c5beea6aaed",
  "job": {
    "name": "sky-example",
    "tasks": [
      {
        "name": "clean",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": null,
              "region": null,
              "zone": null
            },
            "accelerator": null,
            "cpus": {
              "milli": 8000,
              "or_more": true
            },
            "memory_gib": {
              "milli": 32000,
              "or_more": true
            },
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [
            "sev-snp",
            "tdx"
          ],
          "interfaces": []
        },
        "policy": {
          "deadline": 28800000,
          "budget": 60000000000,
          "residency": [
            "us",
            "eu"
          ],
          "allow_providers": [],
          "deny_providers": [],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {
          "raw": {
            "uri": {
              "uri": "file://./data/patients.csv",
              "size": 200000000000,
              "place": null
            }
          }
        },
        "outputs": {
          "test": {
            "size": 4000000000,
            "uri": null
          },
          "train": {
            "size": 40000000000,
            "uri": null
          }
        },
        "time": {
          "fixed": 1800000
        },
        "setup": null,
        "run": "sh clean.sh",
        "envs": {},
        "secrets": {},
        "workdir": {
          "local": "sky"
        },
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      },
      {
        "name": "train",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": null,
              "region": null,
              "zone": null
            },
            "accelerator": {
              "name": "tpu-v5e",
              "count_milli": 8000
            },
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          },
          {
            "infra": {
              "provider": null,
              "region": null,
              "zone": null
            },
            "accelerator": {
              "name": "A100",
              "count_milli": 8000
            },
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [],
          "interfaces": []
        },
        "policy": {
          "deadline": 28800000,
          "budget": 60000000000,
          "residency": [
            "us",
            "eu"
          ],
          "allow_providers": [],
          "deny_providers": [],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {
          "patients": {
            "task": {
              "task": "clean",
              "output": "train"
            }
          }
        },
        "outputs": {
          "model": {
            "size": 2000000000,
            "uri": null
          }
        },
        "time": {
          "per_accelerator": [
            [
              {
                "name": "tpu-v5e",
                "count_milli": 8000
              },
              10800000
            ],
            [
              {
                "name": "A100",
                "count_milli": 8000
              },
              7200000
            ]
          ]
        },
        "setup": null,
        "run": "sh train.sh",
        "envs": {},
        "secrets": {},
        "workdir": {
          "local": "sky"
        },
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      },
      {
        "name": "infer",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": null,
              "region": null,
              "zone": null
            },
            "accelerator": {
              "name": "inferentia2",
              "count_milli": 1000
            },
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          },
          {
            "infra": {
              "provider": null,
              "region": null,
              "zone": null
            },
            "accelerator": {
              "name": "L4",
              "count_milli": 1000
            },
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [],
          "interfaces": []
        },
        "policy": {
          "deadline": 28800000,
          "budget": 60000000000,
          "residency": [
            "us",
            "eu"
          ],
          "allow_providers": [],
          "deny_providers": [],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {
          "model": {
            "task": {
              "task": "train",
              "output": "model"
            }
          },
          "patients": {
            "task": {
              "task": "clean",
              "output": "test"
            }
          }
        },
        "outputs": {},
        "time": {
          "per_accelerator": [
            [
              {
                "name": "inferentia2",
                "count_milli": 1000
              },
              7200000
            ],
            [
              {
                "name": "L4",
                "count_milli": 1000
              },
              10800000
            ]
          ]
        },
        "setup": null,
        "run": "sh infer.sh",
        "envs": {},
        "secrets": {},
        "workdir": {
          "local": "sky"
        },
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      }
    ],
    "edges": [
      {
        "from": 0,
        "to": 1,
        "data": {
          "output": "train",
          "input": "patients",
          "size": 40000000000
        }
      },
      {
        "from": 1,
        "to": 2,
        "data": {
          "output": "model",
          "input": "model",
          "size": 2000000000
        }
      },
      {
        "from": 0,
        "to": 2,
        "data": {
          "output": "test",
          "input": "patients",
          "size": 4000000000
        }
      }
    ],
    "objective": "cost",
    "policy": {
      "deadline": 28800000,
      "budget": 60000000000,
      "residency": [
        "us",
        "eu"
      ],
      "allow_providers": [],
      "deny_providers": [],
      "certs": [],
      "max_hourly_cost": null,
      "where": [],
      "score": null,
      "preemptions_per_hour": null,
      "checkpoint": null
    }
  },
  "tasks": [
    {
      "task": "clean",
      "choice": {
        "provider": "azure",
        "region": "eastus2",
        "zone": null,
        "node": {
          "instance_type": "Standard_DC8as_v5",
          "vcpus_milli": 8000,
          "memory": 34359738368,
          "accelerator": null,
          "tee": [
            "sev-snp"
          ]
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 344000000,
        "time": 1800000,
        "cost": 172000000,
        "plan_cost": 30728400000,
        "plan_time": 20667200,
        "start": 800000
      },
      "alternatives": [
        {
          "provider": "azure",
          "region": "eastus",
          "zone": null,
          "node": {
            "instance_type": "Standard_DC8as_v5",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 344000000,
          "time": 1800000,
          "cost": 172000000,
          "plan_cost": 30728400000,
          "plan_time": 20667200,
          "start": 800000
        },
        {
          "provider": "azure",
          "region": "northeurope",
          "zone": null,
          "node": {
            "instance_type": "Standard_DC8as_v5",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 383422000,
          "time": 1800000,
          "cost": 191711000,
          "plan_cost": 30748111000,
          "plan_time": 20763200,
          "start": 800000
        },
        {
          "provider": "azure",
          "region": "westus3",
          "zone": null,
          "node": {
            "instance_type": "Standard_DC8es_v6",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "tdx"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 403200000,
          "time": 1800000,
          "cost": 201600000,
          "plan_cost": 30758000000,
          "plan_time": 20667200,
          "start": 800000
        },
        {
          "provider": "azure",
          "region": "germanywestcentral",
          "zone": null,
          "node": {
            "instance_type": "Standard_DC8as_v5",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 412078000,
          "time": 1800000,
          "cost": 206039000,
          "plan_cost": 30762439000,
          "plan_time": 20763200,
          "start": 800000
        },
        {
          "provider": "azure",
          "region": "westeurope",
          "zone": null,
          "node": {
            "instance_type": "Standard_DC8as_v5",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 412078000,
          "time": 1800000,
          "cost": 206039000,
          "plan_cost": 30762439000,
          "plan_time": 20763200,
          "start": 800000
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2a",
          "node": {
            "instance_type": "m6a.2xlarge",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp",
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 380160000,
          "time": 1800000,
          "cost": 190080000,
          "plan_cost": 30786480000,
          "plan_time": 20667200,
          "start": 800000
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2b",
          "node": {
            "instance_type": "m6a.2xlarge",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp",
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 380160000,
          "time": 1800000,
          "cost": 190080000,
          "plan_cost": 30786480000,
          "plan_time": 20667200,
          "start": 800000
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2c",
          "node": {
            "instance_type": "m6a.2xlarge",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp",
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 380160000,
          "time": 1800000,
          "cost": 190080000,
          "plan_cost": 30786480000,
          "plan_time": 20667200,
          "start": 800000
        },
        {
          "provider": "aws",
          "region": "eu-west-1",
          "zone": "eu-west-1a",
          "node": {
            "instance_type": "m6a.2xlarge",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp",
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 423720000,
          "time": 1800000,
          "cost": 211860000,
          "plan_cost": 30848260000,
          "plan_time": 20763200,
          "start": 800000
        },
        {
          "provider": "aws",
          "region": "eu-west-1",
          "zone": "eu-west-1b",
          "node": {
            "instance_type": "m6a.2xlarge",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp",
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 423720000,
          "time": 1800000,
          "cost": 211860000,
          "plan_cost": 30848260000,
          "plan_time": 20763200,
          "start": 800000
        },
        {
          "provider": "aws",
          "region": "eu-west-1",
          "zone": "eu-west-1c",
          "node": {
            "instance_type": "m6a.2xlarge",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp",
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 423720000,
          "time": 1800000,
          "cost": 211860000,
          "plan_cost": 30848260000,
          "plan_time": 20763200,
          "start": 800000
        },
        {
          "provider": "gcp",
          "region": "us-central1",
          "zone": "us-central1-a",
          "node": {
            "instance_type": "n2d-standard-8",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp",
              "sev"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 371764800,
          "time": 1800000,
          "cost": 185882400,
          "plan_cost": 31222282400,
          "plan_time": 20603200,
          "start": 800000
        }
      ],
      "feasible_offers": 302
    },
    {
      "task": "train",
      "choice": {
        "provider": "gcp",
        "region": "us-central1",
        "zone": "us-central1-a",
        "node": {
          "instance_type": "v5litepod-8",
          "vcpus_milli": 224000,
          "memory": 412316860416,
          "accelerator": [
            "tpu-v5e",
            8000
          ],
          "tee": []
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 9600000000,
        "time": 10800000,
        "cost": 28800000000,
        "plan_cost": 30728400000,
        "plan_time": 20667200,
        "start": 2664000
      },
      "alternatives": [
        {
          "provider": "gcp",
          "region": "us-west1",
          "zone": "us-west1-c",
          "node": {
            "instance_type": "v5litepod-8",
            "vcpus_milli": 224000,
            "memory": 412316860416,
            "accelerator": [
              "tpu-v5e",
              8000
            ],
            "tee": []
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 9600000000,
          "time": 10800000,
          "cost": 28800000000,
          "plan_cost": 30728400000,
          "plan_time": 20667200,
          "start": 2664000
        },
        {
          "provider": "gcp",
          "region": "us-west4",
          "zone": "us-west4-a",
          "node": {
            "instance_type": "v5litepod-8",
            "vcpus_milli": 224000,
            "memory": 412316860416,
            "accelerator": [
              "tpu-v5e",
              8000
            ],
            "tee": []
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 9600000000,
          "time": 10800000,
          "cost": 28800000000,
          "plan_cost": 30728400000,
          "plan_time": 20667200,
          "start": 2664000
        },
        {
          "provider": "gcp",
          "region": "us-south1",
          "zone": "us-south1-a",
          "node": {
            "instance_type": "v5litepod-8",
            "vcpus_milli": 224000,
            "memory": 412316860416,
            "accelerator": [
              "tpu-v5e",
              8000
            ],
            "tee": []
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 11328000000,
          "time": 10800000,
          "cost": 33984000000,
          "plan_cost": 35912400000,
          "plan_time": 20667200,
          "start": 2664000
        },
        {
          "provider": "gcp",
          "region": "europe-west4",
          "zone": "europe-west4-b",
          "node": {
            "instance_type": "v5litepod-8",
            "vcpus_milli": 224000,
            "memory": 412316860416,
            "accelerator": [
              "tpu-v5e",
              8000
            ],
            "tee": []
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 12480000000,
          "time": 10800000,
          "cost": 37440000000,
          "plan_cost": 39368400000,
          "plan_time": 20768000,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-east-1",
          "zone": "us-east-1a",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45603600000,
          "plan_time": 17064000,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-east-1",
          "zone": "us-east-1b",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45603600000,
          "plan_time": 17064000,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-east-1",
          "zone": "us-east-1c",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45603600000,
          "plan_time": 17064000,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2a",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45623600000,
          "plan_time": 17067200,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2b",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45623600000,
          "plan_time": 17067200,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2c",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45623600000,
          "plan_time": 17067200,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-west-2",
          "zone": "us-west-2a",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45643600000,
          "plan_time": 17067200,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-west-2",
          "zone": "us-west-2b",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45643600000,
          "plan_time": 17067200,
          "start": 2664000
        }
      ],
      "feasible_offers": 27
    },
    {
      "task": "infer",
      "choice": {
        "provider": "aws",
        "region": "us-east-1",
        "zone": "us-east-1a",
        "node": {
          "instance_type": "inf2.xlarge",
          "vcpus_milli": 4000,
          "memory": 17179869184,
          "accelerator": [
            "Inferentia2",
            1000
          ],
          "tee": [
            "nitro"
          ]
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 758200000,
        "time": 7200000,
        "cost": 1516400000,
        "plan_cost": 30728400000,
        "plan_time": 20667200,
        "start": 13467200
      },
      "alternatives": [
        {
          "provider": "aws",
          "region": "us-east-1",
          "zone": "us-east-1b",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30728400000,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "us-east-1",
          "zone": "us-east-1c",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30728400000,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2a",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30728400000,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2b",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30728400000,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2c",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30728400000,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "us-west-2",
          "zone": "us-west-2a",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30728400000,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "us-west-2",
          "zone": "us-west-2b",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30728400000,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "us-west-2",
          "zone": "us-west-2c",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30728400000,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "eu-west-1",
          "zone": "eu-west-1a",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 834000000,
          "time": 7200000,
          "cost": 1668000000,
          "plan_cost": 30880000000,
          "plan_time": 20672000,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "eu-west-1",
          "zone": "eu-west-1b",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 834000000,
          "time": 7200000,
          "cost": 1668000000,
          "plan_cost": 30880000000,
          "plan_time": 20672000,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "eu-west-1",
          "zone": "eu-west-1c",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 834000000,
          "time": 7200000,
          "cost": 1668000000,
          "plan_cost": 30880000000,
          "plan_time": 20672000,
          "start": 13467200
        },
        {
          "provider": "gcp",
          "region": "us-central1",
          "zone": "us-central1-a",
          "node": {
            "instance_type": "g2-standard-4",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "L4",
              1000
            ],
            "tee": []
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 706830000,
          "time": 10800000,
          "cost": 2120490000,
          "plan_cost": 31092490000,
          "plan_time": 24264000,
          "start": 13467200
        }
      ],
      "feasible_offers": 184
    }
  ],
  "transfers": [
    {
      "source": {
        "uri": "file://./data/patients.csv"
      },
      "task": "clean",
      "input": "raw",
      "bytes": 200000000000,
      "cost": 0,
      "time": 800000,
      "tariff": "local.egress"
    },
    {
      "source": {
        "task": {
          "task": "clean",
          "output": "train"
        }
      },
      "task": "train",
      "input": "patients",
      "bytes": 40000000000,
      "cost": 0,
      "time": 64000,
      "tariff": "azure.internet"
    },
    {
      "source": {
        "task": {
          "task": "train",
          "output": "model"
        }
      },
      "task": "infer",
      "input": "model",
      "bytes": 2000000000,
      "cost": 240000000,
      "time": 3200,
      "tariff": "gcp.internet"
    },
    {
      "source": {
        "task": {
          "task": "clean",
          "output": "test"
        }
      },
      "task": "infer",
      "input": "patients",
      "bytes": 4000000000,
      "cost": 0,
      "time": 6400,
      "tariff": "azure.internet"
    }
  ],
  "objective": "cost",
  "cost": 30728400000,
  "egress": 240000000,
  "time": 20667200,
  "gap": "exact",
  "catalog": "407d67b3d730ce97274c3babfe691fc915b4c3ba5ad3a69772473d584290dd47",
  "tariffs": "24645d01605fa9bd9eefff3198a92b2801ed05a5dd12beec2dedfaaca8fc196d",
  "assumptions": []
}',NULL,'/srv/jobs','succeeded',1795740763127);
INSERT INTO "run" VALUES('fails-nghn2x',NULL,'fails','{
  "schema": 1,
  "id": "32247a066166aeaafe40d4bedda4f3a79ac93b7f22cff70603899ee9f889f8e6",
  "job": {
    "name": "fails",
    "tasks": [
      {
        "name": "fails",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": "local",
              "region": null,
              "zone": null
            },
            "accelerator": null,
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [],
          "interfaces": []
        },
        "policy": {
          "deadline": null,
          "budget": null,
          "residency": [],
          "allow_providers": [],
          "deny_providers": [],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {},
        "outputs": {},
        "time": "unstated",
        "setup": null,
        "run": "exit 3",
        "envs": {},
        "secrets": {},
        "workdir": null,
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      }
    ],
    "edges": [],
    "objective": "cost",
    "policy": {
      "deadline": null,
      "budget": null,
      "residency": [],
      "allow_providers": [],
      "deny_providers": [],
      "certs": [],
      "max_hourly_cost": null,
      "where": [],
      "score": null,
      "preemptions_per_hour": null,
      "checkpoint": null
    }
  },
  "tasks": [
    {
      "task": "fails",
      "choice": {
        "provider": "local",
        "region": "localhost",
        "zone": null,
        "node": {
          "instance_type": "machine",
          "vcpus_milli": 0,
          "memory": 0,
          "accelerator": null,
          "tee": []
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 0,
        "time": 3600000,
        "cost": 0,
        "plan_cost": 0,
        "plan_time": 3600000,
        "start": 0
      },
      "alternatives": [],
      "feasible_offers": 1
    }
  ],
  "transfers": [],
  "objective": "cost",
  "cost": 0,
  "egress": 0,
  "time": 3600000,
  "gap": "exact",
  "catalog": "407d67b3d730ce97274c3babfe691fc915b4c3ba5ad3a69772473d584290dd47",
  "tariffs": "24645d01605fa9bd9eefff3198a92b2801ed05a5dd12beec2dedfaaca8fc196d",
  "assumptions": [
    "fails: no time stated, so 1h is assumed"
  ]
}',NULL,'/srv','failed',1795740765927);
INSERT INTO "run" VALUES('waits-nghn2y',NULL,'waits','{
  "schema": 1,
  "id": "09c13a9c2641fa2225b31c27d7576c564baaf5861cef2a146ff4e7381e2af0b4",
  "job": {
    "name": "waits",
    "tasks": [
      {
        "name": "waits",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": "local",
              "region": null,
              "zone": null
            },
            "accelerator": null,
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [],
          "interfaces": []
        },
        "policy": {
          "deadline": null,
          "budget": null,
          "residency": [],
          "allow_providers": [],
          "deny_providers": [],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {},
        "outputs": {},
        "time": "unstated",
        "setup": null,
        "run": "sleep 3",
        "envs": {},
        "secrets": {
          "TOKEN": ""
        },
        "workdir": null,
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      }
    ],
    "edges": [],
    "objective": "cost",
    "policy": {
      "deadline": null,
      "budget": null,
      "residency": [],
      "allow_providers": [],
      "deny_providers": [],
      "certs": [],
      "max_hourly_cost": null,
      "where": [],
      "score": null,
      "preemptions_per_hour": null,
      "checkpoint": null
    }
  },
  "tasks": [
    {
      "task": "waits",
      "choice": {
        "provider": "local",
        "region": "localhost",
        "zone": null,
        "node": {
          "instance_type": "machine",
          "vcpus_milli": 0,
          "memory": 0,
          "accelerator": null,
          "tee": []
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 0,
        "time": 3600000,
        "cost": 0,
        "plan_cost": 0,
        "plan_time": 3600000,
        "start": 0
      },
      "alternatives": [],
      "feasible_offers": 1
    }
  ],
  "transfers": [],
  "objective": "cost",
  "cost": 0,
  "egress": 0,
  "time": 3600000,
  "gap": "exact",
  "catalog": "407d67b3d730ce97274c3babfe691fc915b4c3ba5ad3a69772473d584290dd47",
  "tariffs": "24645d01605fa9bd9eefff3198a92b2801ed05a5dd12beec2dedfaaca8fc196d",
  "assumptions": [
    "waits: no time stated, so 1h is assumed"
  ]
}','{"name":"waits","tasks":[{"name":"waits","num_nodes":1,"options":[{"infra":{"provider":"local","region":null,"zone":null},"accelerator":null,"cpus":null,"memory_gib":null,"instance_type":null,"market":"on_demand","max_hourly_cost":null,"disk_size":null,"disk_tier":null,"network_tier":null,"ports":[],"image_id":null,"labels":{},"autostop":null,"accelerator_args":{}}],"choice":"any_of","needs":{"tee":[],"interfaces":[]},"policy":{"deadline":null,"budget":null,"residency":[],"allow_providers":[],"deny_providers":[],"certs":[],"max_hourly_cost":null,"where":[],"score":null,"preemptions_per_hour":null,"checkpoint":null},"inputs":{},"outputs":{},"time":"unstated","setup":null,"run":"sleep 3","envs":{},"secrets":{"TOKEN":"hunter22"},"workdir":null,"file_mounts":{},"recovery":{"strategy":null,"max_restarts_on_errors":0,"recover_on_exit_codes":[]},"unexecuted":[]}],"edges":[],"objective":"cost","policy":{"deadline":null,"budget":null,"residency":[],"allow_providers":[],"deny_providers":[],"certs":[],"max_hourly_cost":null,"where":[],"score":null,"preemptions_per_hour":null,"checkpoint":null}}','/srv','running',1795740766111);
CREATE INDEX record_of_run ON record (run, seq);
CREATE INDEX node_event_of_run ON node_event (run, id);
CREATE INDEX ledger_of_run ON ledger (run, seq);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('ledger',17);
INSERT INTO "sqlite_sequence" VALUES('record',52);
INSERT INTO "sqlite_sequence" VALUES('node_event',44);
COMMIT;
PRAGMA user_version = 1;
